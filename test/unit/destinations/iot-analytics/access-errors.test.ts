/** Errors on the way to the endpoint: what they say, and that they show no password. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { MASK } from '../../../../src/addresses.ts'
import { withoutSecret } from '../../../../src/config/schema/secret.ts'
import { iotAnalyticsOptions } from '../../../../src/destinations/iot-analytics/options.ts'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import { ConnectProxy } from '../../../support/destinations/connect-proxy.ts'
import {
  destinationFor,
  errorOf,
  never,
} from '../../../support/destinations/destination-under-test.ts'
import { ScriptedPeer } from '../../../support/destinations/scripted-peer.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../../support/processes/certificates.ts'

describe('a client certificate that is missing', { skip: skipWithoutOpenssl }, () => {
  async function errorWithout(t: TestContext, maxVersion: 'TLSv1.2' | 'TLSv1.3') {
    const certificates = makeCertificates(t)
    const [ca, cert, key] = ['ca.crt', 'broker.crt', 'broker.key'].map((name) =>
      readFileSync(certificates.path(name)),
    )
    const tls = { ca, cert, key, requestCert: true, maxVersion }
    const peer = await ScriptedPeer.start(t, { tls })
    const proxy = await ConnectProxy.start(t)
    const messages: string[] = []
    for (const way of [{}, { proxy: proxy.url }]) {
      const destination = destinationFor(peer.origin, {
        ...way,
        maxAttempts: 1,
        anonymous: true,
        tls: { ca: certificates.path('ca.crt') },
      })
      t.after(() => destination.close())
      await destination.open()
      messages.push((await errorOf(destination.send(makeBatch('press', 1), never))).message)
    }
    assert.equal(peer.requests.length, 0)
    return messages
  }

  // In TLS 1.3 the client's part of the handshake is over before the server refuses it.
  for (const [version, reason] of [
    ['TLSv1.2', 'alert handshake failure'],
    ['TLSv1.3', 'alert certificate required'],
  ] as const) {
    test(`is reported in one line with the setting that helps, in ${version}`, async (t) => {
      for (const message of await errorWithout(t, version)) {
        assert.match(
          message,
          /^.*: [a-z0-9/ ]+\. The endpoint may ask .* set .*tls\.cert and destinations\[0\]\.iotAnalytics\.tls\.key/,
        )
        assert.ok(message.includes(` ${reason}. `), message)
        assert.doesNotMatch(message, /\n|\.c:/)
      }
    })
  }
})

describe('the address of a proxy', () => {
  const ODD = [
    'plant:topsecret@proxy:3128',
    'http:/plant:topsecret@proxy:3128',
    'http:plant:topsecret@proxy:3128',
    'http:\\\\plant:topsecret@proxy:3128',
    'http:///plant:topsecret@proxy:3128',
    'plant:top@secret@proxy:3128',
  ]

  test('must begin with http:// and a host', () => {
    for (const proxy of [...ODD, 'http://proxy:1?', 'http://proxy:1#', 'http://us er@proxy:1']) {
      const { error } = iotAnalyticsOptions.safeParse({ proxy })
      assert.match(error?.message ?? '', /must be (an )?http:\/\//, proxy)
    }
  })

  test('shows no password, however it is written', () => {
    for (const proxy of [...ODD, ` ${ODD[0]}`, ` http://${ODD[0]}`, `ht\ttp://${ODD[0]}`]) {
      assert.equal(withoutSecret('proxy', proxy), `${MASK}@proxy:3128`, proxy)
    }
    assert.equal(withoutSecret('proxy', 'http://proxy:3128'), 'http://proxy:3128')
    assert.equal(withoutSecret('proxy', 'proxy:3128'), 'proxy:3128')
  })
})
