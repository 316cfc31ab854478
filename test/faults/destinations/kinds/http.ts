/**
 * Rounds with an HTTP service that stores a batch once for each `Idempotency-Key`. A request with a
 * key that was there before has to be the same, byte by byte.
 */
import {
  type CollectedRequest,
  HttpCollector,
} from '../../../support/destinations/http-collector.ts'
import type { RoundKind } from '../peer.ts'

export const httpKind: RoundKind = {
  name: 'http',
  skip: false,
  isExactlyOnce: true,
  async start(t) {
    const service = await HttpCollector.start(t)
    return {
      port: Number(new URL(service.url).port),
      entry: (port) => ({
        http: { url: `http://127.0.0.1:${port}/ingest`, timeout: '1s', maxAttempts: 1 },
        batch: { messages: 100, interval: '0ms' },
      }),
      async rows() {
        return service.stored.map((row) => ({
          logId: String(row['log_id']),
          offset: Number(row['offset']),
          payload: Buffer.from(String(row['payload'])),
        }))
      },
      violations: () => differentBodies(service.posts),
    }
  },
}

function differentBodies(posts: readonly CollectedRequest[]): string[] {
  const bodies = new Map<unknown, string>()
  const found: string[] = []
  for (const { headers, body } of posts) {
    const key = headers['idempotency-key']
    const known = bodies.get(key) ?? body
    bodies.set(key, known)
    if (typeof key !== 'string') found.push('a request has no key')
    else if (known !== body) found.push(`two bodies have the key ${key}`)
  }
  return found
}
