/** Connections that take up all places: they pay, and `/health` is answered in between. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { GET, healthMs, openSockets, textFrom } from '../../../support/http/attackers.ts'
import { OPERATOR, serve, WITH_TOKEN } from '../../../support/http/served-view.ts'

const ALL_PLACES = 260
/** One address may hold this many connections. */
const SHARE = 64

test('half requests of one address make way for its request for health', async (t) => {
  const { server } = await serve(t)
  const half = await openSockets(t, server.port, ALL_PLACES, 'GET /health HTTP/1.1\r\nhost: local')

  const ms = await healthMs(server.port)

  assert.ok(ms < 1_000, `${ms} ms`)
  for (const socket of half) socket.resume()
  while (half.filter(({ closed }) => !closed).length > SHARE) await new Promise(setImmediate)
})

test('idle connections make way, the one that is idle for the longest time first', async (t) => {
  const { server } = await serve(t)
  const [first, ...others] = await openSockets(t, server.port, SHARE, GET('/health'))
  assert.ok(first !== undefined)
  for (const socket of [first, ...others]) socket.resume()
  const closed = once(first, 'close', { signal: AbortSignal.timeout(1_500) })

  await healthMs(server.port)

  await closed
  assert.equal(others.filter((socket) => socket.closed).length, 0)
})

test('long polls that take all places make way for health, and those beyond the share end', async (t) => {
  const { server, view } = await serve(t)
  await openSockets(
    t,
    server.port,
    ALL_PLACES,
    GET('/api/v1/channels/pumps/messages?from=now&wait=60'),
  )

  const ms = await healthMs(server.port)

  assert.ok(ms < 1_000, `${ms} ms`)
  while (view.signals.length < SHARE) await new Promise(setImmediate)
  const waiting = view.signals.filter(({ aborted }) => !aborted).length
  assert.ok(waiting <= 32, `${waiting} polls wait`)
})

test('answers that nobody reads make way for health, and their connections end', async (t) => {
  const { server, view } = await serve(t, {}, { bounds: { sweepMs: 50, stallMs: 200 } })
  const text = 'x'.repeat(16 * 1024 * 1024)
  view.metrics = async () => ({ contentType: 'text/plain', text })
  const silent = await openSockets(t, server.port, 10, GET('/metrics'))

  const ms = await healthMs(server.port)

  assert.ok(ms < 1_000, `${ms} ms`)
  await new Promise((resolve) => setTimeout(resolve, 600))
  assert.equal(server.connectionCount, 0)
  assert.equal(silent.length, 10)
})

test('an answer that is read slowly but steadily is sent to its end', async (t) => {
  const { server, view } = await serve(t, {}, { bounds: { sweepMs: 50, stallMs: 200 } })
  const length = 12 * 1024 * 1024
  view.metrics = async () => ({ contentType: 'text/plain', text: 'x'.repeat(length) })
  const [socket] = await openSockets(t, server.port, 1, GET('/metrics'))
  assert.ok(socket !== undefined)
  let received = 0

  while (received < length) {
    const chunk: unknown = socket.read()
    if (Buffer.isBuffer(chunk)) received += chunk.length
    else await once(socket, 'readable', { signal: AbortSignal.timeout(1_000) })
    if (received % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  assert.ok(received >= length)
})

test('a second request before the answer to the first is refused and ends the connection', async (t) => {
  const { server, view } = await serve(t)
  const many = GET('/why/a').repeat(1_000)
  const [socket] = await openSockets(t, server.port, 1, many)
  assert.ok(socket !== undefined)
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.resume()

  const ms = await healthMs(server.port)
  await once(socket, 'close')

  assert.ok(ms < 1_000, `${ms} ms`)
  assert.equal(view.searches, 1)
  assert.match(text, /TooManyRequests.*one request at a time/)
})

test('a half request is over after its time', async (t) => {
  const { server } = await serve(t, {}, { timeouts: { headersMs: 300, checkMs: 100 } })
  const silent = await openSockets(t, server.port, 3, '')
  const half = await openSockets(t, server.port, 3, 'POST /api/v1/dead-letters/replay HTTP/1.1\r\n')
  const sockets = [...silent, ...half]
  for (const socket of sockets) socket.resume()

  await Promise.all(
    sockets.map((socket) => once(socket, 'close', { signal: AbortSignal.timeout(1_500) })),
  )

  assert.match(await textFrom(server.port, GET('/health')), /^HTTP\/1\.1 200/)
})

test('a body that nobody awaits is not read beyond a bound, and does not disturb health', async (t) => {
  const { server } = await serve(t)
  const head = GET('/api/v1/channels/pumps/messages?from=now&wait=60')
  const [socket] = await openSockets(
    t,
    server.port,
    1,
    `${head.trimEnd()}\r\ntransfer-encoding: chunked\r\n\r\n`,
  )
  assert.ok(socket !== undefined)
  // More than the operating system takes.
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  for (let i = 0; i < 300; i++) socket.write(chunk)

  const ms = await healthMs(server.port)
  await new Promise((resolve) => setTimeout(resolve, 300))

  assert.ok(ms < 1_000, `${ms} ms`)
  assert.ok(socket.writableLength > 5_000_000, `${socket.writableLength} bytes are left`)
})

test('a body of the largest size is read whole, and a larger one is refused', async (t) => {
  const { server, url, view } = await serve(t, WITH_TOKEN)
  const padding = 'x'.repeat(60 * 1024)
  const body = `{"channel":"pumps"}${' '.repeat(padding.length)}`

  const replayed = await fetch(`${url}/api/v1/dead-letters/replay`, {
    method: 'POST',
    headers: { ...OPERATOR, 'content-type': 'application/json' },
    body,
  })
  const tooLarge = await fetch(`${url}/api/v1/dead-letters/replay`, {
    method: 'POST',
    headers: { ...OPERATOR, 'content-type': 'application/json' },
    body: body + padding,
  })

  assert.equal(replayed.status, 200)
  assert.equal(tooLarge.status, 413)
  assert.equal(view.asked.length, 1)
  await healthMs(server.port)
})
