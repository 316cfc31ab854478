import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { ConnectorError } from '../../../src/errors.ts'
import { HttpServer } from '../../../src/http/http-server.ts'
import { ListView, serve } from '../../support/http/served-view.ts'

test('malformed and oversized requests end their own connection alone', async (t) => {
  const { server, url } = await serve(t)
  const tooLarge = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`

  for (const bytes of ['\u0000\u0001 nonsense\r\n\r\n', tooLarge]) {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(bytes)
    await once(socket, 'close')
  }

  assert.equal((await fetch(`${url}/health`)).status, 200)
})

test('on loopback a request for some site’s name is refused, for it may be a page’s', async (t) => {
  const { server } = await serve(t)
  const statusFor = async (host: string) => {
    const socket = connect(server.port, '127.0.0.1')
    socket.end(`GET /health HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
    const [chunk] = await once(socket, 'data')
    return String(chunk).split(' ')[1]
  }

  assert.equal(await statusFor('rebound.example:8090'), '421')
  assert.equal(await statusFor('localhost:8090'), '200')
  assert.equal(await statusFor('127.0.0.1'), '200')
  assert.equal(await statusFor('[::1]:8090'), '200')
})

test('listening beyond loopback has to be meant', async (t) => {
  await assert.rejects(
    serve(t, { host: '0.0.0.0' }),
    (error) =>
      error instanceof ConnectorError &&
      error.code === 'InvalidConfiguration' &&
      error.message.includes('http.allowAnonymous'),
  )
  const { server } = await serve(t, { host: '0.0.0.0', allowAnonymous: true })
  assert.equal((await fetch(`http://127.0.0.1:${server.port}/health`)).status, 200)
})

test('an address that is taken is an error that names it', async (t) => {
  const { server } = await serve(t)

  await assert.rejects(
    serve(t, { port: server.port }),
    (error) =>
      error instanceof ConnectorError &&
      error.code === 'AddressInUse' &&
      error.message.includes(String(server.port)),
  )
})

test('start and close may be called twice, close before start too', async (t) => {
  const { server } = await serve(t)
  const port = server.port

  await server.start()
  assert.equal(server.port, port)
  await server.close()
  await server.close()
  await new HttpServer({
    options: { host: '127.0.0.1', port: 0, allowAnonymous: false },
    view: new ListView(),
  }).close()
})
