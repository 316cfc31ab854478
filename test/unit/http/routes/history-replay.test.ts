import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonOf, OPERATOR, START, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'

const JSON_TYPE = { ...OPERATOR, 'content-type': 'application/json' }

test('history is replayed from a time or an offset, by JSON, and never for a page of another site', async (t) => {
  const { view, url } = await serve(t, WITH_TOKEN)
  const post = (body: string, headers: Record<string, string> = JSON_TYPE, channel = 'pumps') =>
    fetch(`${url}/api/v1/channels/${channel}/replay`, { method: 'POST', headers, body })

  const good = await post('{"from":"2026-01-01T00:00:00Z","to":9,"limit":5}')
  const statuses = await Promise.all(
    [
      post('{"from":3}'),
      post('{"from":3}', { ...OPERATOR, 'content-type': 'text/plain' }),
      post('{"from":3}', { ...JSON_TYPE, origin: 'https://example.com' }),
      post('{}'),
      post('{"from":"soon"}'),
      post('{"from":-1}'),
      post('{"from":3,"limit":10001}'),
      post('{"from":3}', JSON_TYPE, 'nobody'),
    ].map(async (response) => (await response).status),
  )

  assert.deepEqual(await jsonOf(good), {
    matched: 3,
    replayed: 2,
    duplicates: 1,
    waiting: 2,
    to: 9,
    firstReceivedAt: '2026-01-01T00:00:00.000Z',
    stopped: null,
    next: 4,
  })
  assert.deepEqual(view.asked[0], {
    channel: 'pumps',
    from: { timeMs: START },
    to: { offset: 9 },
    limit: 5,
    isDryRun: false,
  })
  assert.deepEqual(statuses, [200, 415, 403, 400, 400, 400, 400, 404])
})
