import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelTable } from '../../../../src/http/api/shapes/channels.ts'
import { tail, tailMessage } from '../../../../src/http/api/shapes/messages.ts'
import { overview } from '../../../../src/http/api/shapes/overview.ts'
import { hello } from '../../../../src/http/api/shapes/session.ts'
import { EventStream } from '../../../support/http/event-stream.ts'
import { jsonOf, OPERATOR, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { until } from '../../../support/until.ts'

const MAX_VIEWERS = 16

test('a stream begins with a hello and the topics it asked for, and goes on once a second', async (t) => {
  const clock = new ManualClock()
  const { url } = await serve(t, {}, { clock })

  const stream = await EventStream.open(t, url, 'overview,channels,problems')
  await stream.untilCount('problems', 1)
  const first = stream.events.map(({ name }) => name)
  clock.advance(1_000)
  await stream.untilCount('overview', 2)
  await stream.untilCount('channels', 2)

  assert.deepEqual(first, ['hello', 'overview', 'channels', 'problems'])
  assert.deepEqual(hello.parse(stream.of('hello')[0]).rights, ['view'])
  assert.equal(overview.parse(stream.of('overview')[1]).instance, 'box')
  channelTable.parse(stream.of('channels')[1])
  assert.equal(stream.of('problems').length, 1, 'problems come only when they change')
  assert.equal(stream.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(stream.headers.get('x-accel-buffering'), 'no')
  assert.equal(stream.headers.get('content-security-policy'), "default-src 'none'")
  assert.equal(stream.headers.get('x-content-type-options'), 'nosniff')
})

test('all viewers share one snapshot a second, and without viewers there is no snapshot', async (t) => {
  const clock = new ManualClock()
  const { url, view } = await serve(t, {}, { clock })
  const streams = await Promise.all([1, 2, 3].map(() => EventStream.open(t, url, 'overview')))
  await Promise.all(streams.map((stream) => stream.untilCount('overview', 1)))

  const before = view.snapshots
  clock.advance(1_000)
  await Promise.all(streams.map((stream) => stream.untilCount('overview', 2)))
  const withThree = view.snapshots - before
  for (const stream of streams) stream.leave()
  await until('all have left', () => {
    const asked = view.snapshots
    clock.advance(1_000)
    return view.snapshots === asked
  })
  const after = view.snapshots
  clock.advance(60_000)

  assert.equal(withThree, 1)
  assert.equal(view.snapshots, after)
})

test('one stream too many is asked to come again, and has a place when another one has left', async (t) => {
  const { url } = await serve(t)
  const streams: EventStream[] = []
  for (let i = 0; i < MAX_VIEWERS; i += 1) streams.push(await EventStream.open(t, url, 'overview'))

  const tooMany = await fetch(`${url}/api/v1/events?topics=overview`)
  const { error } = await jsonOf(tooMany)
  streams[0]?.leave()
  await until('a place is free', async () => {
    const stream = await EventStream.open(t, url, 'overview')
    if (stream.status !== 200) return false
    await stream.untilCount('hello', 1)
    return true
  })

  assert.deepEqual(
    [tooMany.status, error, tooMany.headers.get('retry-after')],
    [503, 'TooManyRequests', '5'],
  )
})

test('topics that do not exist are refused with those that do', async (t) => {
  const { url } = await serve(t)
  const answer = async (query: string) => {
    const response = await fetch(`${url}/api/v1/events${query}`)
    return [response.status, (await jsonOf(response)).message]
  }

  for (const query of ['', '?topics=', '?topics=weather', '?topics=tail:', '?topics=tail:a/b']) {
    const [status, message] = await answer(query)
    assert.equal(status, 400, query)
    assert.match(message, /must be a list such as overview,tail:my_channel/)
  }
  const [, tails] = await answer('?topics=tail:a,tail:b,tail:c,tail:d,tail:e')
  assert.match(tails, /it has 5 tails/)
})

test('a tail shows what comes after it was opened, cuts large payloads, and of too many shows an even sample', async (t) => {
  const clock = new ManualClock()
  const { url, view } = await serve(t, {}, { clock })
  view.add('before')
  const stream = await EventStream.open(t, url, 'tail:pumps')
  await stream.untilCount('hello', 1)
  await until('the tail has begun', () => view.reads > 0)

  view.add('ä'.repeat(2_000), 'long')
  view.add(Buffer.from([0xff, 0x00]))
  clock.advance(1_000)
  await stream.untilCount('tail', 1)
  for (let i = 0; i < 1_100; i += 1) view.add(`m${i}`)
  clock.advance(1_000)
  await stream.untilCount('tail', 2)

  const [few, many] = stream.of('tail').map((data) => tail.parse(data))
  assert.deepEqual([few?.from, few?.next, few?.skipped], [1, 3, 0])
  const [long, bytes] = few?.messages ?? []
  assert.equal(long?.payload, 'ä'.repeat(1_024))
  assert.equal(long?.cutFromBytes, 4_000)
  assert.ok(tailMessage.safeParse(long).success && long?.messageId !== undefined)
  assert.equal(bytes?.payloadBase64, '/wA=')
  assert.deepEqual([many?.from, many?.next, many?.skipped], [3, 1_103, 1_080])
  const offsets = many?.messages.map(({ offset }) => offset) ?? []
  assert.equal(offsets.at(-1), 1_102)
  const gaps = new Set(offsets.slice(1).map((offset, index) => offset - (offsets[index] ?? 0)))
  assert.deepEqual([...gaps], [55])
})

test('streams end when the server closes', async (t) => {
  const { url, server } = await serve(t)
  const stream = await EventStream.open(t, url, 'overview')
  await stream.untilCount('overview', 1)

  await server.close()

  await until('the stream has ended', () => stream.isEnded)
})

test('a stream ends with the session it was opened in', async (t) => {
  const { url } = await serve(t, WITH_TOKEN)
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ token: WITH_TOKEN.token })
  const login = await fetch(`${url}/api/v1/session`, { method: 'POST', headers, body })
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const stream = await EventStream.open(t, url, 'overview', { cookie })
  await stream.untilCount('overview', 1)

  await fetch(`${url}/api/v1/session`, { method: 'DELETE', headers: { cookie } })

  await until('the stream has ended', () => stream.isEnded)
  const again = await fetch(`${url}/api/v1/events?topics=overview`, { headers: { cookie } })
  const byToken = await EventStream.open(t, url, 'overview', OPERATOR)
  assert.deepEqual([stream.status, again.status, byToken.status], [200, 401, 200])
})
