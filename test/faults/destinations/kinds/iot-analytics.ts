/** Rounds with BatchPutMessage and an endpoint that takes a message as often as it is sent. */
import { FakeIotAnalytics } from '../../../support/destinations/fake-iot-analytics.ts'
import type { RoundKind } from '../peer.ts'

export const iotAnalyticsKind: RoundKind = {
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
          // Only what is counted as a fault may fail.
          timeout: '10s',
          maxAttempts: 1,
        },
      }),
      async rows(channels) {
        return channels.flatMap((channel) =>
          api
            .received(channel)
            .map(({ messageId, payload }) => ({ ...identityIn(messageId), payload })),
        )
      },
      arrivals: async () =>
        api.calls.flatMap(({ messages, at, connection }) =>
          messages.map(({ messageId }) => ({ ...identityIn(messageId), at, connection })),
        ),
    }
  },
}

/** A generated id is the log's id and the offset. */
export function identityIn(messageId: string): { logId: string; offset: number } {
  const dash = messageId.lastIndexOf('-')
  return { logId: messageId.slice(0, dash), offset: Number(messageId.slice(dash + 1)) }
}
