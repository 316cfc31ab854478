import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type Mosquitto, startMosquitto } from '../../../support/mqtt/mosquitto.ts'
import { device, ready, startSource } from '../../../support/mqtt/source-on-broker.ts'
import {
  type Certificates,
  makeCertificates,
  skipWithoutOpenssl,
} from '../../../support/processes/certificates.ts'
import { skipWithout } from '../../../support/processes/real-peers.ts'

const skip = skipWithoutOpenssl || skipWithout('mosquitto')

async function startTlsBroker(
  t: TestContext,
  certificates: Certificates,
  config: readonly string[] = [],
): Promise<Mosquitto> {
  return startMosquitto(t, {
    config: [
      'allow_anonymous true',
      `cafile ${certificates.path('ca.crt')}`,
      `certfile ${certificates.path('broker.crt')}`,
      `keyfile ${certificates.path('broker.key')}`,
      ...config,
    ],
  })
}

test('over TLS the connector trusts a broker whose certificate the authority has signed', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const broker = await startTlsBroker(t, certificates)
  const url = `mqtts://127.0.0.1:${broker.port}`
  const ca = certificates.path('ca.crt')

  const under = await startSource(t, { url, tls: { ca } })
  await ready(under)
  const pump = await device(t, url, { ca: readFileSync(ca) })
  await pump.publishAsync('in/pump', 'sealed', { qos: 1 })
  await under.intake.taken(1)

  assert.deepEqual(under.intake.payloads, ['sealed'])
})

test('a broker with a certificate from an unknown authority or for another name is refused', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const broker = await startTlsBroker(t, certificates)
  const url = `tls://127.0.0.1:${broker.port}`
  const ca = certificates.path('ca.crt')

  const unknown = await startSource(t, { url })
  const misnamed = await startSource(t, { url, tls: { ca, servername: 'other.test' } })
  const named = await startSource(t, { url, tls: { ca, servername: 'broker.test' } })
  const careless = await startSource(t, { url, tls: { rejectUnauthorized: false } })

  const unknownText = (await unknown.reports.first('retried')).error?.message ?? ''
  const misnamedText = (await misnamed.reports.first('retried')).error?.message ?? ''
  assert.match(unknownText, /certificate.* set sources\.mqttClient\.tls\.ca to its PEM file/)
  assert.match(misnamedText, /other\.test.* set sources\.mqttClient\.tls\.servername to a name/)
  await Promise.all([ready(named), ready(careless)])
})

test('with mutual TLS the connector shows its certificate; without one the broker refuses it', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const broker = await startTlsBroker(t, certificates, ['require_certificate true'])
  const url = `mqtts://127.0.0.1:${broker.port}`
  const ca = certificates.path('ca.crt')

  const known = await startSource(t, {
    url,
    tls: { ca, cert: certificates.path('connector.crt'), key: certificates.path('connector.key') },
  })
  const anonymous = await startSource(t, { url, tls: { ca } })

  await ready(known)
  const { error } = await anonymous.reports.first('retried')
  assert.equal(error?.code, 'BrokerUnavailable')
  assert.equal(anonymous.source.connectionState.isReady, false)
})

test('the connector’s private key may have a passphrase that is read from a file', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  certificates.encryptKey('connector', 'open sesame')
  const keyPassphraseFile = certificates.path('passphrase')
  writeFileSync(keyPassphraseFile, 'open sesame\n')
  const broker = await startTlsBroker(t, certificates, ['require_certificate true'])
  const tls = {
    ca: certificates.path('ca.crt'),
    cert: certificates.path('connector.crt'),
    key: certificates.path('connector.encrypted.key'),
    keyPassphraseFile,
  }

  await ready(await startSource(t, { url: `mqtts://127.0.0.1:${broker.port}`, tls }))
})

test('a missing certificate file is a configuration error', { skip }, async (t) => {
  await assert.rejects(
    startSource(t, { url: 'mqtts://127.0.0.1:1', tls: { ca: '/nowhere/ca.crt' } }),
    /sources\.mqttClient\.tls\.ca: can’t read \/nowhere\/ca\.crt/,
  )
})
