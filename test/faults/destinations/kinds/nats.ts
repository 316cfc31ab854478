/** Rounds with NATS JetStream: each message names its log and offset in its headers. */
import { skipWithoutNats, startNats } from '../../../support/servers/nats.ts'
import type { RoundKind } from '../peer.ts'

const STREAM = 'rounds'

export const natsKind: RoundKind = {
  name: 'nats',
  skip: skipWithoutNats,
  isExactlyOnce: true,
  async start(t) {
    const server = await startNats(t)
    return {
      port: server.port,
      entry: (port) => ({
        nats: {
          servers: [`127.0.0.1:${port}`],
          stream: STREAM,
          create: true,
          timeout: '2s',
          connectTimeout: '2s',
        },
        batch: { messages: 100, interval: '0ms' },
      }),
      async rows() {
        const stored = await server.everything(STREAM)
        return stored.map(({ headers, payload }) => ({
          logId: headers.get('log_id') ?? '',
          offset: Number(headers.get('offset')),
          payload,
        }))
      },
      crash: () => server.process.crash(),
    }
  },
}
