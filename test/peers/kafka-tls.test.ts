/** Kafka with TLS, client certificates and SCRAM, and what is said of a wrong setting. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import { makeBatch } from '../support/channels/batch-maker.ts'
import { Releases } from '../support/destinations/kafka-site.ts'
import { openedKafka } from '../support/destinations/kafka-under-test.ts'
import {
  type Certificates,
  makeCertificates,
  skipWithoutOpenssl,
} from '../support/processes/certificates.ts'
import { type Kafka, skipWithoutKafka, startKafka } from '../support/servers/kafka.ts'
import { createTopic, readTopic } from '../support/servers/kafka-topics.ts'

const idle = new AbortController().signal
const TOPIC = 'secured'
const SCRAM_LOGIN = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
const sasl = { mechanism: 'SCRAM-SHA-512', username: 'bob', password: 'secret' }

describe('kafka with TLS and SCRAM', { skip: skipWithoutKafka || skipWithoutOpenssl }, () => {
  const releases = new Releases()
  let kafka: Kafka
  let certificates: Certificates
  let other: Certificates

  before(async () => {
    certificates = makeCertificates(releases)
    other = makeCertificates(releases)
    const { path } = certificates
    // Kafka wants the key and its certificate in one file.
    const keystore = path('broker.pem')
    writeFileSync(
      keystore,
      `${readFileSync(path('broker.key'), 'utf8')}${readFileSync(path('broker.crt'), 'utf8')}`,
    )
    kafka = await startKafka(releases, {
      listener: { name: 'SECURE', protocol: 'SASL_SSL' },
      properties: [
        'ssl.keystore.type=PEM',
        `ssl.keystore.location=${keystore}`,
        'ssl.truststore.type=PEM',
        `ssl.truststore.location=${path('ca.crt')}`,
        'listener.name.secure.ssl.client.auth=required',
        'sasl.enabled.mechanisms=SCRAM-SHA-512',
        `listener.name.secure.scram-sha-512.sasl.jaas.config=${SCRAM_LOGIN}`,
      ],
    })
    await createTopic(kafka.broker, TOPIC)
    kafka.tool('kafka.admin.ConfigCommand', [
      ...['--bootstrap-server', kafka.broker, '--alter', '--entity-type', 'users'],
      ...['--entity-name', 'bob', '--add-config', 'SCRAM-SHA-512=[password=secret]'],
    ])
  })
  after(() => releases.run())

  const rightTls = () => ({
    ca: certificates.path('ca.crt'),
    cert: certificates.path('connector.crt'),
    key: certificates.path('connector.key'),
  })

  const opened = (t: TestContext, given: object, port = kafka.securePort) =>
    openedKafka(t, {
      broker: `127.0.0.1:${port}`,
      options: { topic: TOPIC, timeout: '10s', ...given },
    })

  test('messages arrive over TLS, with a client certificate and a login', async (t) => {
    const destination = await opened(t, { tls: rightTls(), sasl })
    const named = await opened(t, { tls: { ...rightTls(), servername: 'broker.test' }, sasl })

    await destination.check(idle)
    await named.check(idle)
    assert.deepEqual(await destination.send(makeBatch('one', 3), idle), { rejected: [], kept: [] })

    const records = await readTopic(kafka.broker, TOPIC)
    assert.deepEqual(
      records.map(({ headers }) => headers['offset']),
      ['0', '1', '2'],
    )
  })

  const wrong: Readonly<
    Record<string, [given: () => object, code: string, said: RegExp, isPlain?: boolean]>
  > = {
    'an authority that is not known': [
      () => ({ tls: { ...rightTls(), ca: other.path('ca.crt') }, sasl }),
      'DestinationUnavailable',
      /set destinations\[0\]\.kafka\.tls\.ca to its PEM file/,
    ],
    'a name that the certificate does not have': [
      () => ({ tls: { ...rightTls(), servername: 'other.test' }, sasl }),
      'DestinationUnavailable',
      /other\.test.*set destinations\[0\]\.kafka\.tls\.servername/s,
    ],
    'no client certificate': [
      () => ({ tls: { ca: certificates.path('ca.crt') }, sasl }),
      'DestinationUnavailable',
      /set destinations\[0\]\.kafka\.tls\.cert and destinations\[0\]\.kafka\.tls\.key/,
    ],
    'a client certificate of another authority': [
      () => ({
        tls: {
          ...rightTls(),
          cert: other.path('connector.crt'),
          key: other.path('connector.key'),
        },
        sasl,
      }),
      'DestinationUnavailable',
      /set destinations\[0\]\.kafka\.tls\.cert and destinations\[0\]\.kafka\.tls\.key/,
    ],
    'a wrong password': [
      () => ({ tls: rightTls(), sasl: { ...sasl, password: 'wrong' } }),
      'DestinationDenied',
      /sasl/,
    ],
    'no login': [() => ({ tls: rightTls() }), 'DestinationUnavailable', /sasl/],
    'no TLS': [() => ({ sasl }), 'DestinationUnavailable', /tls/],
    'TLS for a port without it': [
      () => ({ tls: rightTls() }),
      'DestinationUnavailable',
      /may not speak TLS/,
      true,
    ],
  }
  for (const [name, [given, code, said, isPlain]] of Object.entries(wrong)) {
    test(`${name}: a check says so, and messages are kept`, async (t) => {
      const port = isPlain === true ? kafka.port : kafka.securePort
      const destination = await opened(t, { ...given(), timeout: '3s' }, port)

      await assert.rejects(destination.check(idle), { code, message: said })
      await assert.rejects(destination.send(makeBatch('two', 1), idle), { code })
    })
  }
})
