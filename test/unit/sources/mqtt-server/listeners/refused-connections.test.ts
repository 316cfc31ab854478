/** Connections that were refused or have ended: they are gone soon, whatever their clients do. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { startServer } from '../../../../support/mqtt/mqtt-server-under-test.ts'
import { connectPacket, frame } from '../../../../support/mqtt/mqtt-wire.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../../../support/processes/certificates.ts'
import { until } from '../../../../support/until.ts'

const UPGRADE = (path: string, headers = 'Sec-WebSocket-Protocol: mqtt\r\n') =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`

/** A client that never closes its side of the connection. */
function stubborn(t: TestContext, port: number, bytes: string | Buffer, reads = true): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  if (reads) socket.resume()
  socket.write(bytes)
  return socket
}

/** How many further clients the server lets in. */
async function freePlaces(port: number, max: number): Promise<number> {
  const clients = Array.from({ length: max }, async (_, index) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => undefined)
    socket.write(connectPacket({ clientId: `${index}` }))
    const isLetIn = await new Promise<boolean>((resolve) => {
      socket.on('data', () => resolve(true)).on('close', () => resolve(false))
    })
    return { socket, isLetIn }
  })
  const all = await Promise.all(clients)
  for (const { socket } of all) socket.destroy()
  return all.filter(({ isLetIn }) => isLetIn).length
}

test('refused upgrades and other requests on the WebSocket port hold no connection, also if the client never closes', async (t) => {
  const clock = new ManualClock()
  const refusals: string[] = []
  const { server, port } = await startServer(t, {
    clock,
    limits: { maxConnections: 20 },
    options: { webSocket: { port: 0 } },
    observer: { clientRefused: (_source, _remote, reason) => refusals.push(reason) },
  })
  const ws = server.portOf('ws')
  const requests = [
    UPGRADE('/other'),
    UPGRADE('/mqtt', ''),
    UPGRADE('/mqtt', 'Sec-WebSocket-Protocol: mqtt\r\nOrigin: https://evil.example\r\n'),
    UPGRADE('/mqtt').replace('Version: 13', 'Version: 7'),
    'GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'rubbish\r\n\r\n',
  ]

  for (const request of requests) stubborn(t, ws, request)
  for (const request of requests) stubborn(t, ws, request, false)
  await until(
    'all are refused',
    () => refusals.filter((reason) => !reason.includes('connections')).length >= 6,
  )

  await until('all places are free', async () => {
    clock.advance(2_000)
    return (await freePlaces(port, 20)) === 20
  })
})

test('clients that are refused by CONNACK, break the protocol or have sent DISCONNECT hold no connection when they never close', async (t) => {
  const clock = new ManualClock()
  const gone: string[] = []
  const { port } = await startServer(t, {
    clock,
    limits: { maxConnections: 20, maxClientIdBytes: 5 },
    observer: {
      clientRefused: (_source, _remote, reason) => gone.push(reason),
      clientDisconnected: (_source, _clientId, reason) => gone.push(reason),
    },
  })
  const requests = [
    connectPacket({ clientId: 'too long' }),
    connectPacket({ clientId: 'too long', version: 5 }),
    Buffer.concat([connectPacket({ clientId: 'a' }), frame(0xe0)]),
    Buffer.concat([connectPacket({ clientId: 'b' }), frame(0xf7)]),
    Buffer.from([0, 0, 0]),
  ]

  for (const request of requests) stubborn(t, port, request)
  for (const request of requests) stubborn(t, port, request, false)
  await until('all are refused', () => gone.length >= 10)

  // A connection is given up some time after it was refused, and some were refused only now.
  await until('all places are free', async () => {
    clock.advance(3_000)
    return (await freePlaces(port, 20)) === 20
  })
})

test('a TLS handshake that does not go on ends its connection in time, however slowly its bytes come', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const tls = { cert: certificates.path('broker.crt'), key: certificates.path('broker.key') }
  const { server, port } = await startServer(t, {
    limits: { maxConnections: 10, connectTimeoutMs: 200 },
    options: { tls: { port: 0, ...tls } },
  })
  const secure = server.portOf('mqtts')
  const dripping = stubborn(t, secure, Buffer.from([22, 3, 1, 2, 0]))
  const drip = setInterval(() => dripping.write(Buffer.from([1])), 50)
  t.after(() => clearInterval(drip))
  stubborn(t, secure, '')
  const silent = connectTls({ port: secure, host: '127.0.0.1', rejectUnauthorized: false })
  t.after(() => silent.destroy())
  silent.on('error', () => undefined)

  await until('all places are free', async () => (await freePlaces(port, 10)) === 10)
})

test('a client that leaves in the middle of its TLS handshake is reported with its address', {
  skip: skipWithoutOpenssl,
}, async (t) => {
  const certificates = makeCertificates(t)
  const tls = { cert: certificates.path('broker.crt'), key: certificates.path('broker.key') }
  const remotes: string[] = []
  const { server } = await startServer(t, {
    options: { tls: { port: 0, ...tls } },
    observer: { clientRefused: (_source, remote) => remotes.push(remote) },
  })
  const port = server.portOf('mqtts')

  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const own = socket.localPort
  socket.end()
  await until('it is reported', () => remotes.length === 1)

  assert.equal(remotes[0]?.replace('::ffff:', ''), `127.0.0.1:${own}`)
})
