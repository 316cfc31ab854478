/** How the destination reaches its endpoint: its own authorities, client certificate and proxy. */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { TlsOptions } from 'node:tls'
import { MASK } from '../../../../src/addresses.ts'
import { withoutSecret } from '../../../../src/config/schema/secret.ts'
import { iotAnalyticsOptions } from '../../../../src/destinations/iot-analytics/options.ts'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import { ConnectProxy } from '../../../support/destinations/connect-proxy.ts'
import {
  destinationFor,
  errorOf,
  type Given,
  never,
  setUp,
} from '../../../support/destinations/destination-under-test.ts'
import { ScriptedPeer } from '../../../support/destinations/scripted-peer.ts'
import { SECOND_TRY_MS } from '../../../support/destinations/timeouts.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../../support/processes/certificates.ts'

const ACCEPTED = { rejected: [], kept: [] }
const options = { skip: skipWithoutOpenssl }
const QUIET = { maxAttempts: 1, anonymous: true }

const batch = makeBatch('press', 1)

async function secureSetUp(t: TestContext, required: TlsOptions = {}) {
  const certificates = makeCertificates(t)
  const peer = await ScriptedPeer.start(t, {
    tls: {
      key: readFileSync(certificates.path('broker.key')),
      cert: readFileSync(certificates.path('broker.crt')),
      ...(required.requestCert ? { ca: readFileSync(certificates.path('ca.crt')) } : {}),
      ...required,
    },
  })
  const ca = certificates.path('ca.crt')
  return { certificates, peer, ca }
}

async function opened(t: TestContext, endpoint: string, given: Given) {
  const destination = destinationFor(endpoint, { ...QUIET, ...given })
  t.after(() => destination.close())
  await destination.open()
  return destination
}

describe('certificates', options, () => {
  test('an endpoint with a certificate of a private authority is trusted with tls.ca', async (t) => {
    const { peer, ca } = await secureSetUp(t)
    const destination = await opened(t, peer.origin, { tls: { ca } })

    assert.deepEqual(await destination.send(batch, never), ACCEPTED)
    assert.equal(peer.requests.length, 1)
  })

  test('an authority that is not trusted is reported with the setting that helps', async (t) => {
    const { peer } = await secureSetUp(t)
    const destination = await opened(t, peer.origin, {})

    const { code, message } = await errorOf(destination.send(batch, never))

    assert.equal(code, 'DestinationUnavailable')
    assert.match(message, /unable to verify the first certificate\. .*set .*iotAnalytics\.tls\.ca/)
    assert.equal(peer.requests.length, 0)
  })

  test('a wrong host name is reported, and tls.servername names the right one', async (t) => {
    const { peer, ca } = await secureSetUp(t)
    const endpoint = `https://localhost:${peer.port}`
    const wrong = await opened(t, endpoint, { tls: { ca } })
    const right = await opened(t, endpoint, { tls: { ca, servername: 'broker.test' } })

    const { message } = await errorOf(wrong.send(batch, never))

    assert.match(message, /does not match certificate's altnames.*set .*tls\.servername/)
    assert.equal(peer.requests.length, 0)
    assert.deepEqual(await right.send(batch, never), ACCEPTED)
  })

  test('a required client certificate is shown, with an encrypted key too', async (t) => {
    const { certificates, peer, ca } = await secureSetUp(t, { requestCert: true })
    certificates.encryptKey('connector', 'secret')
    writeFileSync(certificates.path('passphrase'), 'secret\n')
    const cert = certificates.path('connector.crt')
    const plain = await opened(t, peer.origin, {
      tls: { ca, cert, key: certificates.path('connector.key') },
    })
    const encrypted = await opened(t, peer.origin, {
      tls: {
        ca,
        cert,
        key: certificates.path('connector.encrypted.key'),
        keyPassphraseFile: certificates.path('passphrase'),
      },
    })

    assert.deepEqual(await plain.send(batch, never), ACCEPTED)
    assert.deepEqual(await encrypted.send(batch, never), ACCEPTED)
  })

  test('an endpoint that misses a client certificate is reported with the setting', async (t) => {
    const { peer, ca } = await secureSetUp(t, { requestCert: true, maxVersion: 'TLSv1.2' })
    const destination = await opened(t, peer.origin, { tls: { ca } })

    const { message } = await errorOf(destination.send(batch, never))

    assert.match(
      message,
      /handshake failure.*set .*tls\.cert and destinations\[0\]\.iotAnalytics\.tls\.key/s,
    )
    assert.equal(peer.requests.length, 0)
  })

  test('a renewed file is used by the next connection, without a restart', async (t) => {
    const { certificates, peer, ca } = await secureSetUp(t)
    const strangers = makeCertificates(t)
    const used = certificates.path('used.crt')
    copyFileSync(strangers.path('ca.crt'), used)
    const destination = await opened(t, peer.origin, { tls: { ca: used } })
    await errorOf(destination.send(batch, never))

    copyFileSync(ca, used)

    assert.deepEqual(await destination.send(batch, never), ACCEPTED)
  })

  test('a TLS session is not resumed after the trusted authorities have changed', async (t) => {
    const { certificates, peer, ca } = await secureSetUp(t)
    const used = certificates.path('used.crt')
    copyFileSync(ca, used)
    const destination = await opened(t, peer.origin, { tls: { ca: used } })
    peer.next((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}'),
    )
    assert.deepEqual(await destination.send(batch, never), ACCEPTED)

    copyFileSync(makeCertificates(t).path('ca.crt'), used)

    const { message } = await errorOf(destination.send(batch, never))
    assert.match(message, /certificate/)
    assert.equal(peer.requests.length, 1)
  })

  test('files that are missing or do not fit are refused at the start', async (t) => {
    const { certificates, peer, ca } = await secureSetUp(t)
    const nowhere = certificates.path('nowhere.crt')
    writeFileSync(certificates.path('empty.crt'), 'no certificate\n')
    const cert = certificates.path('connector.crt')
    for (const [tls, expected] of [
      [{ ca: nowhere }, /iotAnalytics\.tls\.ca: can’t read .*nowhere\.crt: there is no such file/],
      [{ ca: certificates.path('empty.crt') }, /tls\.ca: .*expected certificates in PEM/],
      [{ ca, cert, key: certificates.path('broker.key') }, /tls: .* can’t be used together: .*key/],
    ] as const) {
      const destination = destinationFor(peer.origin, { ...QUIET, tls })
      await assert.rejects(destination.open(), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'InvalidConfiguration')
        assert.match(error.message, expected)
        return true
      })
    }
  })
})

describe('a proxy', () => {
  test('batches go through the proxy over one tunnel, for http:// endpoints', async (t) => {
    const proxy = await ConnectProxy.start(t, { user: 'plant', password: 'p@ss:w/rd' })
    const { api } = await setUp(t)
    const destination = await opened(t, api.url, { anonymous: false, proxy: proxy.url })

    assert.deepEqual(await destination.send(batch, never), ACCEPTED)
    assert.deepEqual(await destination.send(batch, never), ACCEPTED)

    assert.deepEqual(proxy.targets, [new URL(api.url).host])
    assert.equal(api.received('press').length, 2)
    assert.deepEqual(api.violations, [])
  })

  test('TLS goes end to end through the proxy, which resolves the name', options, async (t) => {
    const { certificates, peer, ca } = await secureSetUp(t, { requestCert: true })
    const proxy = await ConnectProxy.start(t, { resolves: ['broker.test'] })
    const cert = certificates.path('connector.crt')
    const tls = { ca, cert, key: certificates.path('connector.key') }
    const endpoint = `https://broker.test:${peer.port}`
    const destination = await opened(t, endpoint, { tls, proxy: proxy.url })

    assert.deepEqual(await destination.send(batch, never), ACCEPTED)
    assert.deepEqual(await destination.send(batch, never), ACCEPTED)

    assert.deepEqual(proxy.targets, [`broker.test:${peer.port}`])
    assert.equal(peer.requests.length, 2)
    assert.doesNotMatch(peer.requests.join(), /CONNECT|proxy-authorization/)
  })

  test('the endpoint’s certificate is verified behind a proxy too', options, async (t) => {
    const { peer, ca } = await secureSetUp(t)
    const proxy = await ConnectProxy.start(t)
    const wrongName = await opened(t, `https://localhost:${peer.port}`, {
      tls: { ca },
      proxy: proxy.url,
    })
    const untrusted = await opened(t, peer.origin, { proxy: proxy.url })

    assert.match((await errorOf(wrongName.send(batch, never))).message, /altnames/)
    assert.match((await errorOf(untrusted.send(batch, never))).message, /set .*tls\.ca/)
    assert.equal(peer.requests.length, 0)
  })

  test('refusals of the proxy say what to do, and show no password', async (t) => {
    const proxy = await ConnectProxy.start(t, { user: 'plant', password: 'topsecret' })
    const { api } = await setUp(t)
    const wrong = proxy.url.replace('topsecret', 'guessed')
    const destination = await opened(t, api.url, { proxy: wrong })

    const asked = await errorOf(destination.send(batch, never))
    proxy.next((socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
    const forbidden = await errorOf(destination.send(batch, never))
    proxy.next((socket) => socket.end('SSH-2.0-OpenSSH\r\n\r\n'))
    const other = await errorOf(destination.send(batch, never))

    assert.equal(asked.code, 'DestinationUnavailable')
    assert.match(asked.message, /the proxy 127\.0\.0\.1:\d+ asks for .*iotAnalytics\.proxy/)
    assert.match(forbidden.message, /answered 403 to CONNECT 127\.0\.0\.1:\d+/)
    assert.match(other.message, /did not answer CONNECT as an HTTP proxy does/)
    for (const { message } of [asked, forbidden, other]) assert.doesNotMatch(message, /guessed/)
    assert.equal(api.requests.length, 0)
  })

  test('a proxy that closes, resets, hangs or floods causes an error in time', async (t) => {
    const proxy = await ConnectProxy.start(t)
    const { api } = await setUp(t)
    const destination = await opened(t, api.url, {
      anonymous: false,
      timeout: SECOND_TRY_MS,
      proxy: proxy.url,
    })
    for (const [script, expected] of [
      [(socket) => socket.end(), /closed the connection without an answer/],
      [(socket) => socket.resetAndDestroy(), /proxy .*(ECONNRESET|closed)/],
      [() => {}, /no answer within 1500 ms/],
      [(socket) => socket.write('x'.repeat(20_000)), /more than 16384 bytes/],
      [(socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nextra'), /more than its answer/],
    ] as [(socket: Socket) => void, RegExp][]) {
      proxy.next(script)
      assert.match((await errorOf(destination.send(batch, never))).message, expected)
    }
    assert.equal(api.requests.length, 0)

    assert.deepEqual(await destination.send(batch, never), ACCEPTED)
    assert.equal(api.received('press').length, 1)
  })

  test('a batch goes through a new tunnel after the proxy has dropped the old one', async (t) => {
    const proxy = await ConnectProxy.start(t)
    const { api } = await setUp(t)
    const given = { anonymous: false, maxAttempts: 3, proxy: proxy.url }
    const destination = await opened(t, api.url, given)
    assert.deepEqual(await destination.send(batch, never), ACCEPTED)

    proxy.dropAll()
    assert.deepEqual(await destination.send(batch, never), ACCEPTED)

    assert.equal(proxy.targets.length, 2)
    assert.equal(api.received('press').length, 2)
  })

  test('closing the destination ends a connection that a proxy keeps waiting', async (t) => {
    const proxy = await ConnectProxy.start(t)
    const asked = new Promise<void>((resolve) => proxy.next(() => resolve()))
    const given = { ...QUIET, timeout: 60_000, proxy: proxy.url }
    const destination = destinationFor('http://127.0.0.1:9', given)
    await destination.open()
    const failed = errorOf(destination.send(batch, never))
    await asked

    await destination.close()

    assert.match((await failed).message, /the connection was closed while connecting/)
  })

  test('a proxy that cannot be reached is named', async (t) => {
    const proxy = await ConnectProxy.start(t)
    const { url, address } = proxy
    await proxy.stop()
    const destination = await opened(t, 'http://127.0.0.1:9', { proxy: url })

    const { message } = await errorOf(destination.send(batch, never))

    assert.ok(message.includes(`the proxy ${address} can't be used: `), message)
    assert.match(message, /ECONNREFUSED/)
  })
})

describe('options', () => {
  const problemOf = (given: object) => iotAnalyticsOptions.safeParse(given).error?.message

  test('a proxy must be an http:// URL of host, port and user', () => {
    for (const proxy of [
      'socks5://a:1',
      'https://a:1',
      'a:1',
      'http://a:1/x',
      'http://u:%0a@a:1',
    ]) {
      assert.match(problemOf({ proxy }) ?? '', /http:\/\//, proxy)
    }
    for (const proxy of ['http://a', 'http://a:3128/', 'http://u:p%40@[::1]:3128']) {
      assert.equal(problemOf({ proxy }), undefined, proxy)
    }
  })

  test('the password of a proxy is masked wherever settings are shown', () => {
    const shown = withoutSecret('proxy', 'http://plant:secret@proxy.test:3128')
    assert.equal(shown, `http://plant:${MASK}@proxy.test:3128`)
  })

  test('certificate and key go together, and need an https:// endpoint', () => {
    assert.match(problemOf({ tls: { cert: 'a.crt' } }) ?? '', /cert and key go together/)
    assert.match(problemOf({ endpoint: 'http://a', tls: { ca: 'a' } }) ?? '', /must be https/)
  })
})
