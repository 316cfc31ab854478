import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonOf, OPERATOR, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'

const JSON_TYPE = { ...OPERATOR, 'content-type': 'application/json' }

test('the next attempt is asked for with JSON, and never by a page of another site', async (t) => {
  const { view, url } = await serve(t, WITH_TOKEN)
  const post = (headers: Record<string, string>, body = '{"channel":"pumps"}') =>
    fetch(`${url}/api/v1/destinations/retry`, { method: 'POST', headers, body })

  const good = await post(JSON_TYPE)
  const statuses = await Promise.all(
    [
      post({ ...OPERATOR, 'content-type': 'text/plain' }),
      post({ ...JSON_TYPE, origin: 'https://example.com' }),
      post(JSON_TYPE, '{"chanel":"pumps"}'),
      post(JSON_TYPE, '{'),
    ].map(async (response) => (await response).status),
  )

  assert.deepEqual(await good.json(), { destinations: [{ destination: 'cloud', retried: 2 }] })
  assert.deepEqual(statuses, [415, 403, 400, 400])
  assert.deepEqual(view.asked, [{ channel: 'pumps' }], 'nothing else reached the destinations')
})

test('a retry of a channel or destination that does not exist is answered with where to find them', async (t) => {
  const { url } = await serve(t, WITH_TOKEN)
  const post = async (body: object) => {
    const request = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) }
    const response = await fetch(`${url}/api/v1/destinations/retry`, request)
    return [response.status, JSON.stringify(await jsonOf(response))] as const
  }

  const [channelStatus, channelText] = await post({ channel: 'nobody' })
  const [destinationStatus, destinationText] = await post({ destination: 'nowhere' })

  assert.deepEqual([channelStatus, destinationStatus], [404, 404])
  assert.match(channelText, /There is no channel .*nobody.*GET \/api\/v1\/channels lists them/)
  assert.match(
    destinationText,
    /There is no destination .*nowhere.*GET \/api\/v1\/destinations lists them/,
  )
})
