import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../../../src/config/parse-config.ts'
import { kafkaOptions } from '../../../../src/destinations/kafka/options.ts'
import { kafkaDestination } from '../../../support/destinations/kafka-under-test.ts'

const BROKERS = { brokers: ['kafka-1.example:9092'] }

function problems(options: Record<string, unknown>): string {
  const { error } = kafkaOptions.safeParse({ ...BROKERS, ...options })
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') ?? ''
}

test('one of topic, topics and topicPrefix is set', () => {
  assert.equal(problems({ topic: 'telemetry' }), '')
  assert.equal(problems({ topicPrefix: '' }), '')
  assert.equal(problems({ topics: { channel_1: 'telemetry' } }), '')
  assert.match(problems({}), /set one of topic, topics and topicPrefix/)
  assert.match(problems({ topic: 'a', topicPrefix: 'b' }), /set one of/)
})

test('names, addresses and keys are checked', () => {
  for (const topic of ['', '.', '..', 'a b', 'a/b', 'x'.repeat(250)]) {
    assert.match(problems({ topic }), /topic: must be/, topic)
  }
  for (const broker of ['host', 'host:', 'host:0x1', 'http://host:1', 'host:70000', '[::1]:1']) {
    assert.match(problems({ topic: 't', brokers: [broker] }), /host:port/, broker)
  }
  assert.notEqual(problems({ topic: 't', key: { topicLevel: 0 } }), '')
  assert.notEqual(problems({ topic: 't', key: { field: '.a' } }), '')
  assert.notEqual(problems({ topic: 't', headers: ['offset', 'offset'] }), '')
  assert.notEqual(problems({ topic: 't', headers: ['payload'] }), '')
})

test('a login has one password', () => {
  const sasl = { mechanism: 'PLAIN', username: 'u' }
  assert.match(problems({ topic: 't', sasl }), /set one of password and passwordFile/)
  assert.equal(problems({ topic: 't', sasl: { ...sasl, password: 'p' } }), '')
  assert.equal(problems({ topic: 't', sasl: { ...sasl, passwordFile: 'f' } }), '')
})

test('a destination of this kind can be configured', () => {
  const { destinations } = parseConfig(
    { destinations: [{ kafka: { ...BROKERS, topic: 't' } }] },
    {},
  )

  assert.equal(destinations[0]?.kind, 'kafka')
})

test('only a destination with transactions has positions', () => {
  const broker = 'kafka-1.example:9092'
  assert.equal(kafkaDestination({ broker }).position, undefined)
  const options = { transactions: true }
  assert.notEqual(kafkaDestination({ broker, options }).position, undefined)
})

test('a channel without a topic is kept, not rejected', async () => {
  const broker = '127.0.0.1:1'
  const destination = kafkaDestination({ broker, options: { topics: { other: 't' } } })
  await destination.open()
  const batch = { channel: 'toString', logId: 'l', messages: [] }

  await assert.rejects(destination.send(batch, new AbortController().signal), {
    code: 'DestinationMissing',
    message: /topics names no topic for channel toString/,
  })
  await destination.close()
})
