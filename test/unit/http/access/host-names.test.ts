/** Which names a request may be for. */
import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { textFrom } from '../../../support/http/attackers.ts'
import { jsonOf, serve } from '../../../support/http/served-view.ts'

const OPEN = { host: '0.0.0.0', allowAnonymous: true }

async function statusFor(port: number, host: string, request = 'GET /health'): Promise<string> {
  const text = await textFrom(port, `${request} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  return text.split(' ')[1] ?? ''
}

test('a request for some site’s name is refused on every interface, for it may be a page’s', async (t) => {
  for (const options of [{}, OPEN]) {
    const { server, view } = await serve(t, options)
    const status = (host: string) => statusFor(server.port, host)

    for (const host of [
      'rebound.example:8090',
      'rebound.example',
      'localhost.example',
      '127.0.0.1.example',
      'rebound.local',
    ]) {
      assert.equal(await status(host), '421', host)
    }
    const replay = 'POST /api/v1/dead-letters/replay'
    assert.equal(await statusFor(server.port, 'rebound.example', replay), '421')
    assert.equal(await statusFor(server.port, 'rebound.example', 'GET /no/route'), '421')
    for (const host of [
      'localhost:8090',
      '127.0.0.1',
      '[::1]:8090',
      '192.168.1.20:8090',
      hostname(),
      `${hostname().split('.')[0]}.local:8090`,
    ]) {
      assert.equal(await status(host), '200', host)
    }
    assert.deepEqual(view.asked, [])
  }
})

test('names in http.hosts are answered, in any case and with any port', async (t) => {
  const { server } = await serve(t, { ...OPEN, hosts: ['Panel.example'] })

  for (const host of ['panel.example', 'PANEL.EXAMPLE:80', 'panel.example.:8090']) {
    assert.equal(await statusFor(server.port, host), '200', host)
  }
  assert.equal(await statusFor(server.port, 'other.panel.example'), '421')
})

test('the refusal of a name says which setting allows it, and quotes only a part of it', async (t) => {
  const { server } = await serve(t, OPEN)

  const text = await textFrom(
    server.port,
    `GET /health HTTP/1.1\r\nhost: ${'a'.repeat(4_000)}.example\r\n\r\n`,
  )

  const body = await jsonOf(new Response(text.slice(text.indexOf('\r\n\r\n') + 4)))
  assert.equal(body.error, 'MisdirectedRequest')
  assert.match(
    body.message,
    /^The request was for "a{64,128}…"\. .*http\.hosts allows further names/,
  )
})
