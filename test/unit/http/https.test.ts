/** The HTTP server over TLS: certificates of both sides, tokens, changes, slow handshakes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { ConnectorError } from '../../../src/errors.ts'
import { GET, openSockets } from '../../support/http/attackers.ts'
import { clientTls, serveHttps } from '../../support/http/https.ts'
import { serve } from '../../support/http/served-view.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../support/processes/certificates.ts'
import { until } from '../../support/until.ts'

const skip = skipWithoutOpenssl
const TOKEN = 'a-token-of-its-own'

test('with a certificate the server speaks HTTPS and nothing else', { skip }, async (t) => {
  const { get, url, server } = await serveHttps(t)

  const { status, text } = await get('/ledger')

  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(status, 200)
  assert.match(text, /pumps/)
  const plain = connect(server.port, '127.0.0.1').resume()
  plain.write(GET('/health'))
  plain.on('data', (bytes) => assert.doesNotMatch(String(bytes), /^HTTP\/1\.1 200/))
  await once(plain, 'close', { signal: AbortSignal.timeout(1_000) })
})

test('TLS before 1.2 is not spoken, and 1.2 only where http.tls.minVersion allows it', {
  skip,
}, async (t) => {
  const refusals: string[] = []
  const others = { onRefused: (_: string, reason: string) => refusals.push(reason) }
  const strict = await serveHttps(t, { tls: { minVersion: 'TLSv1.3' }, others })
  const usual = await serveHttps(t, { certificates: strict.certificates })

  await assert.rejects(strict.get('/health', { tls: { maxVersion: 'TLSv1.2' } }))
  assert.match(refusals[0] ?? '', /^TLS handshake failed: ERR_SSL/)
  assert.equal((await usual.get('/health', { tls: { maxVersion: 'TLSv1.2' } })).status, 200)
  await assert.rejects(
    usual.get('/health', { tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } }),
  )
})

test('a required client certificate stands for the token, and without one there is no connection', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const strangers = makeCertificates(t)
  const refusals: string[] = []
  const { get } = await serveHttps(t, {
    certificates,
    options: { token: TOKEN },
    tls: { ca: certificates.path('ca.crt'), clientCertificate: 'required' },
    others: { onRefused: (remote, reason) => refusals.push(`${remote} ${reason}`) },
  })

  assert.equal((await get('/ledger', { tls: clientTls(certificates, 'connector') })).status, 200)
  const stranger = { ...clientTls(strangers, 'connector'), ...clientTls(certificates) }
  for (const tls of [{}, stranger]) {
    const headers = { authorization: `Bearer ${TOKEN}` }
    await assert.rejects(get('/ledger', { headers, tls }))
    await assert.rejects(get('/health', { tls }))
  }
  assert.equal(refusals.length, 4)
  assert.match(refusals[0] ?? '', /^127\.0\.0\.1:[1-9]\d* TLS handshake failed: ERR_SSL/)
  assert.match(refusals[2] ?? '', /^127\.0\.0\.1:[1-9]\d* TLS handshake failed: UNABLE_TO/)
})

test('if client certificates are optional, a request needs one or the token, and /health neither', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const strangers = makeCertificates(t)
  const tls = { ca: certificates.path('ca.crt'), clientCertificate: 'optional' }
  const both = await serveHttps(t, { certificates, tls, options: { token: TOKEN } })
  const alone = await serveHttps(t, { certificates, tls, options: { host: '0.0.0.0' } })
  const certified = { tls: clientTls(certificates, 'connector') }
  const stranger = { tls: { ...clientTls(strangers, 'connector'), ...clientTls(certificates) } }
  const authorized = { headers: { authorization: `Bearer ${TOKEN}` } }

  assert.equal((await both.get('/ledger', certified)).status, 200)
  assert.equal((await both.get('/ledger', authorized)).status, 200)
  const refused = await both.get('/ledger')
  assert.equal(refused.status, 401)
  assert.match(refused.text, /certificate from an authority in http\.tls\.ca\. Or: Send a token/)
  assert.match(String(refused.headers['www-authenticate']), /^Basic/)
  const untrusted = await both.get('/ledger', stranger)
  assert.equal(untrusted.status, 401)
  assert.match(untrusted.text, /its certificate is not signed by an authority in tls\.ca/)
  assert.deepEqual(Object.keys(JSON.parse((await both.get('/health')).text)), [
    'live',
    'ready',
    'storage',
  ])
  assert.match((await both.get('/health', certified)).text, /verdict/)
  const { rights, by, name } = JSON.parse((await both.get('/api/v1/session', certified)).text)
  assert.deepEqual([rights, by], [['view', 'operate'], 'certificate'])
  assert.match(name, /connector/)

  const local = (more: object) => ({ tls: { ...more, servername: 'broker.test' } })
  assert.equal((await alone.get('/ledger', local(certified.tls))).status, 200)
  const anonymous = await alone.get('/ledger', local({}))
  assert.equal(anonymous.status, 401)
  assert.equal(anonymous.headers['www-authenticate'], undefined, 'no password would help')
  assert.equal((await alone.get('/health', local({}))).status, 200)
})

test('a resumed TLS session does not stand for a certificate', { skip }, async (t) => {
  const certificates = makeCertificates(t)
  const tls = { ca: certificates.path('ca.crt'), clientCertificate: 'optional' }
  const { secureSocket } = await serveHttps(t, { certificates, tls })
  const statusOn = async (socket: TLSSocket): Promise<string> => {
    socket.write(GET('/ledger'))
    const [bytes] = await once(socket, 'data')
    return String(bytes).slice(9, 12)
  }

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [name, status] of [
      [undefined, '401'],
      ['connector', '200'],
    ] as const) {
      const client = { ...clientTls(certificates, name), maxVersion }
      const first = await secureSocket(client)
      const sessions: Buffer[] = []
      first.on('session', (session) => sessions.push(session))
      assert.equal(await statusOn(first), status)
      const session = first.getSession() ?? sessions[0]
      const ticket = sessions.at(-1) ?? session
      const resumed = await secureSocket({ ...client, ...(ticket && { session: ticket }) })

      assert.ok(resumed.isSessionReused(), maxVersion)
      assert.equal(await statusOn(resumed), status, `${maxVersion} ${name}`)
    }
  }
})

test('a revoked client certificate is no longer accepted once the list is reloaded', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  certificates.revoke([])
  const reloads: (ConnectorError | undefined)[] = []
  const { get, server } = await serveHttps(t, {
    certificates,
    tls: {
      ca: certificates.path('ca.crt'),
      crl: certificates.path('ca.crl'),
      clientCertificate: 'optional',
    },
    others: { onReloaded: (error) => reloads.push(error) },
  })
  const certified = { tls: clientTls(certificates, 'connector') }
  assert.equal((await get('/ledger', certified)).status, 200)

  certificates.revoke(['connector'])
  await server.reload()

  const refused = await get('/ledger', certified)
  assert.equal(refused.status, 401)
  assert.match(refused.text, /has been revoked/)
  assert.deepEqual(reloads, [undefined])
})

test('changed certificates and tokens are used at once, and a faulty file changes nothing', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const others = makeCertificates(t)
  const tokenFile = certificates.path('token')
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 })
  const reloads: (ConnectorError | undefined)[] = []
  const { get, server, secureSocket } = await serveHttps(t, {
    certificates,
    options: { tokenFile },
    others: { onReloaded: (error) => reloads.push(error) },
  })
  const kept = await secureSocket()
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

  writeFileSync(tokenFile, 'another-token-of-its-own\n')
  for (const file of ['broker.crt', 'broker.key']) {
    copyFileSync(others.path(file), certificates.path(file))
  }
  await server.reload()

  await assert.rejects(get('/ledger', bearer('another-token-of-its-own')), /certificate/)
  const renewed = { tls: clientTls(others) }
  assert.equal(
    (await get('/ledger', { ...bearer('another-token-of-its-own'), ...renewed })).status,
    200,
  )
  assert.equal((await get('/ledger', { ...bearer(TOKEN), ...renewed })).status, 401)
  kept.write(GET('/health'))
  assert.match(String((await once(kept, 'data'))[0]), /^HTTP\/1\.1 200/)

  writeFileSync(certificates.path('broker.key'), 'no key')
  writeFileSync(tokenFile, 'a-third-token-of-its-own\n')
  await server.reload()
  const { status } = await get('/ledger', { ...bearer('another-token-of-its-own'), ...renewed })
  assert.equal(status, 200)
  assert.equal(reloads[0], undefined)
  assert.match(reloads[1]?.message ?? '', /^http\.tls: .*broker\.key can’t be used together/)
})

test('a handshake that takes too long ends, however steadily its bytes come', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const refusals: string[] = []
  const { server, secureSocket } = await serveHttps(t, {
    certificates,
    others: {
      timeouts: { headersMs: 5_000, checkMs: 1_000, handshakeMs: 300 },
      onRefused: (_, reason) => refusals.push(reason),
    },
  })
  const silent = await openSockets(t, server.port, 1, '')
  // The head of a record that will have 512 bytes, of a ClientHello.
  const dripping = await openSockets(t, server.port, 1, '\u0016\u0003\u0001\u0002\u0000\u0001')
  const drip = setInterval(() => dripping[0]?.write('\u0000'), 20)
  t.after(() => clearInterval(drip))

  // A write may meet a connection that is closed already.
  const sockets = [...silent, ...dripping].map((socket) => socket.on('error', () => {}).resume())

  // The time for header fields, which is longer, must not be what ends them.
  await until('both are closed', () => sockets.every(({ closed }) => closed), 4_000)

  assert.deepEqual(refusals, Array(2).fill('TLS handshake failed: ERR_TLS_HANDSHAKE_TIMEOUT'))
  await secureSocket()
})

test('handshakes that take all places make way for health', { skip }, async (t) => {
  const { server, get } = await serveHttps(t)
  await openSockets(t, server.port, 300, '\u0016\u0003\u0001')
  const startMs = performance.now()

  assert.equal((await get('/health')).status, 200)

  assert.ok(performance.now() - startMs < 1_000)
  assert.ok(server.connectionCount <= 64, `${server.connectionCount}`)
})

test('over TLS too, a second request before the answer to the first ends the connection', {
  skip,
}, async (t) => {
  const { secureSocket, view } = await serveHttps(t)
  const socket = await secureSocket()
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  socket.write(GET('/why/a').repeat(1_000))

  await once(socket, 'close', { signal: AbortSignal.timeout(1_500) })

  assert.equal(view.searches, 1)
  assert.match(text, /TooManyRequests.*one request at a time/)
})

test('over TLS too, an answer that nobody reads ends its connection, and a slow reader gets all', {
  skip,
}, async (t) => {
  const { server, secureSocket, view } = await serveHttps(t, {
    others: { bounds: { sweepMs: 50, stallMs: 700 } },
  })
  const length = 6 * 1024 * 1024
  view.metrics = async () => ({ contentType: 'text/plain', text: 'x'.repeat(length) })
  const unread = await secureSocket()
  unread.pause()
  unread.write(GET('/metrics'))
  const slow = await secureSocket()
  slow.pause()
  slow.write(GET('/metrics'))
  let received = 0

  while (received < length) {
    const chunk: unknown = slow.read()
    if (Buffer.isBuffer(chunk)) received += chunk.length
    else await once(slow, 'readable', { signal: AbortSignal.timeout(2_000) })
    if (received % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  slow.destroy()

  while (server.connectionCount > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(received >= length)
})

test('a half request over TLS is over after its time', { skip }, async (t) => {
  const { secureSocket } = await serveHttps(t, {
    others: { timeouts: { headersMs: 300, checkMs: 100 } },
  })
  const sockets = [await secureSocket(), await secureSocket()]
  sockets[1]?.write('POST /api/v1/dead-letters/replay HTTP/1.1\r\n')

  const signal = AbortSignal.timeout(1_500)
  await Promise.all(sockets.map((socket) => once(socket.resume(), 'close', { signal })))
})

test('the names in the certificate are the server’s own', { skip }, async (t) => {
  const { get } = await serveHttps(t)

  const statusFor = async (host: string): Promise<number> =>
    (await get('/ledger', { headers: { host }, tls: { servername: 'broker.test' } })).status

  assert.equal(await statusFor('broker.test:8090'), 200)
  assert.equal(await statusFor('rebound.example'), 421)
})

test('certificates that cannot be used keep the server from starting, and name the setting', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const cert = certificates.path('broker.crt')
  const tls = {
    cert,
    key: '/nowhere/key',
    clientCertificate: 'ignored',
    minVersion: 'TLSv1.2',
  } as const

  await assert.rejects(
    serve(t, { tls }),
    /^ConnectorError: http\.tls\.key: can’t read \/nowhere\/key/,
  )
  await assert.rejects(
    serve(t, { tls: { ...tls, key: certificates.path('connector.key') } }),
    /http\.tls: .* can’t be used together/,
  )
})

test('a stop does not wait for handshakes that are not over', { skip }, async (t) => {
  const { server } = await serveHttps(t)
  const sockets = await openSockets(t, server.port, 3, '\u0016\u0003\u0001')
  while (server.connectionCount < 3) await new Promise(setImmediate)
  const startMs = performance.now()

  await server.close()

  assert.ok(performance.now() - startMs < 1_000)
  while (sockets.some((socket) => !socket.resume().closed)) await new Promise(setImmediate)
})
