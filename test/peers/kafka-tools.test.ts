/** Kafka’s own tools as the other opinion, and logins. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connectAsync } from 'mqtt'
import { batchOf, makeBatch, makeMessage } from '../support/channels/batch-maker.ts'
import { POSITIONS_TOPIC, Releases } from '../support/destinations/kafka-site.ts'
import { openedKafka } from '../support/destinations/kafka-under-test.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { type Kafka, skipWithoutKafka, startKafka } from '../support/servers/kafka.ts'
import { createTopic, readTopic } from '../support/servers/kafka-topics.ts'
import { until } from '../support/until.ts'

const PUT = 'iotanalytics/channels/my_channel/messages/binary/put'
const EXAMPLE = join(import.meta.dirname, '..', '..', '..', 'examples', 'kafka.yaml')
const idle = new AbortController().signal
const PLAIN_LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
const SCRAM_LOGIN = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'

describe('kafka destination, beside Kafka’s tools', { skip: skipWithoutKafka }, () => {
  const releases = new Releases()
  let kafka: Kafka
  let secured = ''

  before(async () => {
    kafka = await startKafka(releases, {
      listener: { name: 'SASL', protocol: 'SASL_PLAINTEXT' },
      properties: [
        'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512',
        `listener.name.sasl.plain.sasl.jaas.config=${PLAIN_LOGIN} user_ada="right";`,
        `listener.name.sasl.scram-sha-512.sasl.jaas.config=${SCRAM_LOGIN}`,
        'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users=User:ANONYMOUS',
      ],
    })
    secured = `127.0.0.1:${kafka.securePort}`
  })
  after(() => releases.run())

  test('Kafka’s own consumer reads the same, and its producer chooses the same partitions', async (t) => {
    const topic = 'tools'
    await createTopic(kafka.broker, topic, { partitions: 6 })
    const keys = Array.from({ length: 40 }, (_, index) => `plant/line-${index}/x`)
    const destination = await openedKafka(t, { broker: kafka.broker, options: { topic } })
    const messages = keys.map((key, offset) => makeMessage(offset, { topic: key }))
    await destination.send(batchOf('one', messages), idle)
    const address = ['--bootstrap-server', kafka.broker, '--topic', topic]
    const produced = keys.map((key) => `${key}|java`).join('\n')
    kafka.tool(
      'org.apache.kafka.tools.ConsoleProducer',
      [...address, '--property', 'parse.key=true', '--property', 'key.separator=|'],
      `${produced}\n`,
    )

    const printed = ['partition', 'headers', 'key', 'value'].flatMap((what) => [
      '--property',
      `print.${what}=true`,
    ])
    const text = kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...address,
      '--from-beginning',
      ...['--max-messages', '80', '--isolation-level', 'read_committed'],
      ...printed,
    ])

    const lines = text.split('\n').filter((line) => line.startsWith('Partition:'))
    assert.equal(lines.length, 80)
    const partitionOf = (line: string | undefined) => line?.split('\t')[0]
    for (const key of keys) {
      const ours = lines.find((line) => line.includes(`\t${key}\t{`))
      const java = lines.find((line) => line.endsWith(`\t${key}\tjava`))
      assert.notEqual(partitionOf(ours), undefined, key)
      assert.equal(partitionOf(ours), partitionOf(java), key)
      assert.match(ours ?? '', new RegExp(`log_id:0a1b2c3d,.*,topic:${key},`))
    }
  })

  test('logins with PLAIN and SCRAM, and what is said of wrong ones', async (t) => {
    const topic = 'secured'
    await createTopic(kafka.broker, topic)
    const address = ['--bootstrap-server', kafka.broker]
    const entity = ['--alter', '--entity-type', 'users', '--entity-name', 'bob']
    kafka.tool('kafka.admin.ConfigCommand', [
      ...[...address, ...entity, '--add-config', 'SCRAM-SHA-512=[password=secret]'],
    ])
    const sasl = { mechanism: 'PLAIN', username: 'ada', password: 'right' }
    const opened = (login: object | undefined) =>
      openedKafka(t, {
        broker: secured,
        options: { topic, timeout: '2s', ...(login !== undefined && { sasl: login }) },
      })

    const ada = await opened(sasl)
    // May log in, but has no permission yet.
    const denied = { code: 'DestinationDenied', message: /permission Write/ }
    await assert.rejects(ada.send(makeBatch('one', 1), idle), denied)
    await assert.rejects(ada.check(idle), denied)
    for (const user of ['ada', 'bob']) {
      kafka.tool('org.apache.kafka.tools.AclCommand', [
        ...[...address, '--add', '--allow-principal', `User:${user}`, '--producer'],
        ...['--topic', topic],
      ])
    }
    await ada.send(makeBatch('one', 1), idle)
    await ada.check(idle)
    const bob = await opened({ mechanism: 'SCRAM-SHA-512', username: 'bob', password: 'secret' })
    await bob.send(batchOf('one', [makeMessage(1)]), idle)
    assert.equal((await readTopic(kafka.broker, topic)).length, 2)

    for (const wrong of [
      { ...sasl, password: 'wrong' },
      { mechanism: 'SCRAM-SHA-512', username: 'bob', password: 'wrong' },
      { mechanism: 'SCRAM-SHA-256', username: 'bob', password: 'secret' },
    ]) {
      const destination = await opened(wrong)
      const expected = { code: 'DestinationDenied', message: /sasl/ }
      await assert.rejects(destination.send(makeBatch('one', 1), idle), expected)
      await assert.rejects(destination.check(idle), expected)
    }
    const without = await opened(undefined)
    await assert.rejects(without.send(makeBatch('one', 1), idle), { effect: 'retry' })
  })

  test('a check names what is missing, and sends nothing', async (t) => {
    const topic = 'checked'
    const options = { topic, transactions: true, timeout: '2s' }
    const destination = await openedKafka(t, { broker: kafka.broker, options })
    await assert.rejects(destination.check(idle), /there is no topic checked/)
    await createTopic(kafka.broker, topic)
    await assert.rejects(destination.check(idle), /no topic .*positions.*cleanup\.policy=compact/)
    await createTopic(kafka.broker, POSITIONS_TOPIC, { configs: { 'cleanup.policy': 'compact' } })
    await destination.check(idle)
    assert.deepEqual(await readTopic(kafka.broker, topic), [])

    const nowhere = await openedKafka(t, { broker: '127.0.0.1:1', options: { topic } })
    await assert.rejects(nowhere.check(idle), /ECONNREFUSED/)
    const unknown = await openedKafka(t, { broker: 'no-such-host.invalid:1', options: { topic } })
    await assert.rejects(unknown.check(idle), /(ENOTFOUND|EAI_AGAIN)/)
    const encrypted = await openedKafka(t, {
      broker: kafka.broker,
      options: { topic, tls: {}, timeout: '2s' },
    })
    await assert.rejects(encrypted.check(idle), { effect: 'retry' })
  })

  test('examples/kafka.yaml: from a device to a record', async (t) => {
    await createTopic(kafka.broker, 'telemetry', { partitions: 6 })
    const broker = (index: number) => `destinations[0].kafka.brokers[${index}]=${kafka.broker}`
    const settings = ['--set', broker(0), '--set', broker(1)]
    const data = await temporaryDirectory(t)
    const connector = await new ConnectorProcess(t, [
      ...['--config', EXAMPLE, '--data', data, ...settings],
    ]).started()
    const client = await connectAsync(connector.mqttUrl)
    t.after(() => client.end(true))
    await client.publishAsync(PUT, '{"temp":23.33}', { qos: 1 })

    const read = () => readTopic(kafka.broker, 'telemetry', 6)
    await until('the record is there', async () => (await read()).length > 0)

    const [record] = await read()
    assert.equal(String(record?.value), '{"temp":23.33}')
    assert.equal(record?.headers['topic'], PUT)
    assert.equal(record?.headers['offset'], '0')
    connector.signal('SIGTERM')
    assert.equal((await connector.ends()).code, 0)
  })
})
