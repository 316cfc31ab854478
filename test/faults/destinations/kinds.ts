/** The kinds of destinations that rounds can be run with. */
import { FakeIotAnalytics } from '../../support/destinations/fake-iot-analytics.ts'
import { httpKind } from './http-kind.ts'
import { influxKind } from './influx-kind.ts'
import { KAFKA_ROUNDS } from './kafka-kinds.ts'
import { natsKind } from './nats-kind.ts'
import type { RoundKind } from './peer.ts'
import { postgresKind } from './postgres-kind.ts'
import { s3Kind } from './s3-kind.ts'

const iotAnalytics: RoundKind = {
  name: 'iotAnalytics',
  skip: false,
  isExactlyOnce: false,
  async start(t) {
    const api = await FakeIotAnalytics.start(t, { identity: null })
    return {
      port: Number(new URL(api.url).port),
      entry: (port) => ({
        iotAnalytics: {
          endpoint: `http://127.0.0.1:${port}`,
          region: 'us-west-2',
          credentials: { anonymous: true },
          timeout: '1s',
          maxAttempts: 1,
        },
      }),
      async rows(channels) {
        return channels.flatMap((channel) =>
          api.received(channel).map(({ messageId, payload }) => {
            const dash = messageId.lastIndexOf('-')
            const logId = messageId.slice(0, dash)
            return { logId, offset: Number(messageId.slice(dash + 1)), payload }
          }),
        )
      },
    }
  },
}

export const ROUND_KINDS: readonly RoundKind[] = [
  iotAnalytics,
  s3Kind,
  ...KAFKA_ROUNDS,
  postgresKind,
  natsKind,
  influxKind,
  httpKind,
]
