import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { ConnectorError } from '../../../src/errors.ts'
import { HttpServer } from '../../../src/http/http-server.ts'
import {
  HTTP_OPTIONS,
  ListView,
  OPERATOR,
  serve,
  WITH_TOKEN,
} from '../../support/http/served-view.ts'

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

test('listening beyond loopback has to be meant', async (t) => {
  await assert.rejects(
    serve(t, { host: '0.0.0.0' }),
    (error) =>
      error instanceof ConnectorError &&
      error.code === 'InvalidConfiguration' &&
      error.message.includes('http.tokens') &&
      error.message.includes('http.allowAnonymous'),
  )
  const warnings: string[] = []
  const onInsecure = (warning: string) => warnings.push(warning)
  const open = await serve(t, { host: '0.0.0.0', allowAnonymous: true }, { onInsecure })
  const token = 'a token of its own'.replaceAll(' ', '-')
  await serve(t, { host: '0.0.0.0', token }, { onInsecure })
  await serve(t, {}, { onInsecure })
  assert.equal((await fetch(`http://127.0.0.1:${open.server.port}/health`)).status, 200)
  assert.equal(warnings.length, 2, 'not on loopback')
  assert.match(
    warnings[0] ?? '',
    /0\.0\.0\.0 and http\.allowAnonymous is set: anyone .* http\.tokens/,
  )
  assert.match(warnings[1] ?? '', /http\.tls is not set: tokens .* unencrypted.* http\.tls\.cert/)
})

test('an address that is taken is an error that names it and the setting', async (t) => {
  const { server } = await serve(t)

  await assert.rejects(
    serve(t, { port: server.port }),
    (error) =>
      error instanceof ConnectorError &&
      error.code === 'AddressInUse' &&
      error.message.includes(`:${server.port}: it is in use`) &&
      error.message.includes('http.port'),
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
    options: HTTP_OPTIONS,
    view: new ListView(),
  }).close()
})

test('what an error quotes of a request is cut and has no control characters', async (t) => {
  const { url } = await serve(t, WITH_TOKEN)
  const get = (path: string) => fetch(`${url}${path}`, { headers: OPERATOR })
  const long = 'x'.repeat(8_000)
  const keys = Array.from({ length: 2_000 }, (_, i) => `k${i}`)

  const answers = [
    await get(`/${long}`),
    await get(`/%e2%80%ae${long}?${long}`),
    await get(`/ledger?${keys.slice(0, 1_000).join('&')}`),
    await get(`/api/v1/channels/pumps/messages?from=${long}`),
    await fetch(`${url}/api/v1/dead-letters/replay`, {
      method: 'POST',
      headers: { ...OPERATOR, 'content-type': 'application/json' },
      body: JSON.stringify(Object.fromEntries(keys.map((key) => [`${key}\u202e`, 1]))),
    }),
  ]

  for (const answer of answers) {
    const text = await answer.text()
    assert.ok(answer.status === 404 || answer.status === 400, String(answer.status))
    assert.ok(text.length < 4_000, `${text.length} characters`)
    assert.doesNotMatch(text, /\u202e/)
    assert.ok(JSON.parse(text).message.length > 10)
  }
})
