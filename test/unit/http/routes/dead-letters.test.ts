import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf, OPERATOR, START, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'

test('dead letters are lines of JSON with the reason, and filtered by what is asked', async (t) => {
  const { view, url } = await serve(t)
  const absent = await fetch(`${url}/api/v1/dead-letters`)
  view.letters = {
    letters: [
      {
        offset: 3,
        keptAt: START + 5000,
        channel: 'pumps',
        destination: undefined,
        refusal: { error: 'InvalidMessage', message: 'no JSON' },
        topic: 'iotanalytics/channels/pumps/messages/put',
        receivedAt: START,
        senderId: '',
        messageId: undefined,
        payload: Buffer.from([0xff]),
      },
    ],
    next: 4,
  }

  const response = await fetch(
    `${url}/api/v1/dead-letters?channel=pumps&error=InvalidMessage&since=2026-01-01T00:00:00Z&from=2&limit=1`,
  )

  assert.equal(absent.status, 404)
  assert.equal(response.headers.get('x-next-offset'), '4')
  assert.deepEqual(await linesOf(response), [
    {
      offset: 3,
      keptAt: '2026-01-01T00:00:05.000Z',
      channel: 'pumps',
      error: 'InvalidMessage',
      error_message: 'no JSON',
      topic: 'iotanalytics/channels/pumps/messages/put',
      receivedAt: '2026-01-01T00:00:00.000Z',
      id: '',
      payloadBase64: '/w==',
    },
  ])
  assert.deepEqual(view.asked.at(-1), {
    filter: { channel: 'pumps', error: 'InvalidMessage', since: START },
    from: 2,
    limit: 1,
  })
})

test('a replay is asked for with JSON, and never by a page of another site', async (t) => {
  const { view, url } = await serve(t, WITH_TOKEN)
  const json = { ...OPERATOR, 'content-type': 'application/json' }
  const post = (headers: Record<string, string>, body = '{"channel":"pumps","dryRun":true}') =>
    fetch(`${url}/api/v1/dead-letters/replay`, { method: 'POST', headers, body })

  const good = await post(json)
  const own = await post({ ...json, origin: url })
  const statuses = await Promise.all(
    [
      post({ ...OPERATOR, 'content-type': 'text/plain' }),
      post({ ...OPERATOR, 'content-type': 'application/x-www-form-urlencoded' }),
      post({ ...json, origin: 'https://example.com' }),
      post({ ...json, origin: 'null' }),
      post(json, '{"chanel":"pumps"}'),
      post(json, '{'),
    ].map(async (response) => (await response).status),
  )

  assert.deepEqual(await good.json(), {
    matched: 2,
    replayed: 1,
    refused: [{ offset: 7, error: 'QueueFull', error_message: 'full' }],
    next: null,
    to: 9,
  })
  assert.equal(own.status, 200)
  assert.deepEqual(statuses, [415, 415, 403, 403, 400, 400])
  assert.equal(view.asked.length, 2, 'nothing else reached the dead letters')
})
