import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { ConnectorError } from '../../../../src/errors.ts'
import { channelList } from '../../../../src/http/api/shapes/channels.ts'
import { jsonOf, linesOf, serve } from '../../../support/http/served-view.ts'

test('channels are listed in the shape of the API', async (t) => {
  const { url } = await serve(t)

  const answer = await jsonOf(await fetch(`${url}/api/v1/channels`))

  assert.equal(channelList.parse(answer).channels[0]?.name, 'pumps')
})

test('messages come one JSON object a line, text as text and bytes as base64', async (t) => {
  const { view, url } = await serve(t)
  view.add('{"temp":23.33}', 'req123')
  view.add(Buffer.from([0xff, 0x00, 0x41]))

  const response = await fetch(`${url}/api/v1/channels/pumps/messages`)

  assert.equal(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
  assert.equal(response.headers.get('x-next-offset'), '2')
  assert.deepEqual(await linesOf(response), [
    {
      offset: 0,
      receivedAt: '2026-01-01T00:00:00.000Z',
      topic: 'iotanalytics/channels/pumps/messages/put',
      id: 'req123',
      messageId: 'req123',
      payload: '{"temp":23.33}',
    },
    {
      offset: 1,
      receivedAt: '2026-01-01T00:00:01.000Z',
      topic: 'iotanalytics/channels/pumps/messages/put',
      messageId: 'log-1',
      payloadBase64: '/wBB',
    },
  ])
})

test('reading begins at the earliest, now, an offset or a time', async (t) => {
  const { view, url } = await serve(t)
  for (let n = 0; n < 5; n++) view.add(`m${n}`)
  const offsets = async (query: string) =>
    (await linesOf(await fetch(`${url}/api/v1/channels/pumps/messages?${query}`))).map(
      ({ offset }) => offset,
    )

  assert.deepEqual(await offsets('from=earliest&limit=2'), [0, 1])
  assert.deepEqual(await offsets('from=now'), [])
  assert.deepEqual(await offsets('from=3'), [3, 4])
  assert.deepEqual(await offsets('from=2026-01-01T00:00:02Z'), [2, 3, 4])
})

test('a request that waits is answered when something newer is there', async (t) => {
  const { view, url } = await serve(t)
  view.add('old')

  const response = fetch(`${url}/api/v1/channels/pumps/messages?from=now&wait=30`)
  while (view.waiting.length === 0) await new Promise(setImmediate)
  view.add('new')

  const lines = await linesOf(await response)
  assert.deepEqual(
    lines.map(({ payload }) => payload),
    ['new'],
  )
})

test('a request that waits without success ends when its time is over, or its client leaves', async (t) => {
  const { view, url } = await serve(t)
  const leaving = new AbortController()

  const empty = await fetch(`${url}/api/v1/channels/pumps/messages?from=now&wait=1`)
  const left = fetch(`${url}/api/v1/channels/pumps/messages?from=now&wait=60`, {
    signal: leaving.signal,
  })
  while (view.signals.length < 2) await new Promise(setImmediate)
  leaving.abort()
  await assert.rejects(left)
  if (view.signals[1]?.aborted === false) await once(view.signals[1], 'abort')

  assert.equal(await empty.text(), '')
  assert.equal(empty.headers.get('x-next-offset'), '0')
})

test('closing ends a request that waits', async (t) => {
  const { view, server, url } = await serve(t)
  const response = fetch(`${url}/api/v1/channels/pumps/messages?from=now&wait=60`).catch(
    (error: unknown) => error,
  )
  while (view.waiting.length === 0) await new Promise(setImmediate)

  await server.close()

  assert.ok((await response) !== undefined)
  await assert.rejects(fetch(url))
})

test('what cannot be served is answered with what was expected', async (t) => {
  const { url } = await serve(t)
  const answer = async (path: string) => {
    const response = await fetch(`${url}${path}`)
    return { status: response.status, body: await jsonOf(response) }
  }

  for (const query of [
    'from=yesterday',
    'from=2026-99-01',
    'limit=0',
    'limit=1001',
    'limit=1e3',
    'limit=1&limit=2',
    'wait=61',
    'wiat=5',
  ]) {
    const { status, body } = await answer(`/api/v1/channels/pumps/messages?${query}`)
    assert.equal(status, 400, query)
    assert.equal(body.error, 'InvalidRequest')
    assert.match(body.message, /limit|from|wait|wiat/)
  }
  const unknownChannel = await answer('/api/v1/channels/pipes/messages')
  assert.equal(unknownChannel.status, 404)
  assert.equal(unknownChannel.body.error, 'ChannelNotFound')
  assert.match(unknownChannel.body.message, /"pipes"/)
  assert.equal((await answer('/nothing')).status, 404)
  for (const name of ['%zz', 'x'.repeat(5000)]) {
    const { status, body } = await answer(`/api/v1/channels/${name}/messages`)
    assert.ok(status === 400 || status === 414, String(status))
    assert.equal(body.error, 'InvalidRequest')
    assert.equal(typeof body.message, 'string')
  }
  assert.equal((await answer('/ledger?format=xml')).status, 400)
})

test('a failing connector is a 5xx with its code, and the server goes on', async (t) => {
  const { view, url } = await serve(t)
  const failing = async (failure: Error) => {
    view.failure = failure
    const response = await fetch(`${url}/api/v1/channels/pumps/messages`)
    return [response.status, (await jsonOf(response)).error]
  }

  const unreadable = await failing(new ConnectorError('StorageFailed', 'reading: EIO'))
  const broken = await failing(new Error('boom'))

  assert.deepEqual(unreadable, [503, 'StorageFailed'])
  assert.deepEqual(broken, [500, 'Unexpected'])
  assert.equal((await fetch(`${url}/health`)).status, 200)
})
