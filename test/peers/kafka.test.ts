/** Kafka, with a real broker. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Producer } from '@platformatic/kafka'
import type { Batch, Destination } from '../../src/destinations/destination.ts'
import { ConnectorError } from '../../src/errors.ts'
import { batchOf, makeBatch, makeMessage, packedMessage } from '../support/channels/batch-maker.ts'
import {
  type KafkaSite,
  POSITIONS_TOPIC,
  Releases,
  startKafkaSite,
} from '../support/destinations/kafka-site.ts'
import { openedKafka } from '../support/destinations/kafka-under-test.ts'
import { skipWithoutKafka } from '../support/servers/kafka.ts'
import { createTopic, deleteTopic, readTopic } from '../support/servers/kafka-topics.ts'

const idle = new AbortController().signal

describe('kafka destination', { skip: skipWithoutKafka }, () => {
  const releases = new Releases()
  let site: KafkaSite

  before(async () => {
    site = await startKafkaSite(releases)
  })
  after(() => releases.run())

  test('payloads arrive untouched, with key and headers', async (t) => {
    const topic = await site.newTopic()
    const destination = await openedKafka(t, { broker: site.broker, options: { topic } })
    const message = packedMessage(
      makeMessage(7, { receivedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6), topic: 'plant/ü/1' }),
    )

    const outcome = await destination.send(batchOf('channel_1', [message]), idle)

    assert.deepEqual(outcome, { rejected: [], kept: [] })
    assert.deepEqual(await readTopic(site.kafka.broker, topic), [
      {
        partition: 0,
        offset: 0,
        key: 'plant/ü/1',
        value: message.payload,
        at: message.receivedAt,
        headers: {
          connector: 'connector-1',
          channel: 'channel_1',
          log_id: '0a1b2c3d',
          offset: '7',
          arrival_time: '2026-01-02T03:04:05.006Z',
          topic: 'plant/ü/1',
          message_id: '0a1b2c3d-7',
          content_type: 'application/json',
        },
      },
    ])
  })

  for (const transactions of [false, true]) {
    const kind = transactions ? 'with transactions' : 'without transactions'

    test(`${kind}, an answer that is lost duplicates nothing`, async (t) => {
      const topic = await site.newTopic()
      const options = { topic, transactions }
      const destination = await openedKafka(t, { broker: site.broker, options, connectorId: topic })
      await destination.send(makeBatch('one', 3), idle)
      const batch = batchOf(
        'one',
        [3, 4, 5, 6].map((offset) => makeMessage(offset)),
      )

      site.proxy.set('lose-answers')
      const outcome = destination.send(batch, idle)
      await assert.rejects(outcome, { effect: 'retry' })
      site.proxy.set('pass')
      // Divided differently than before, as after a probe.
      await destination.send(batchOf('one', batch.messages.slice(0, 1)), idle)
      await destination.send(
        batchOf('one', [...batch.messages.slice(1), makeMessage(7), makeMessage(8)]),
        idle,
      )

      const records = await readTopic(site.kafka.broker, topic)
      assert.deepEqual(
        records.map(({ headers }) => Number(headers['offset'])),
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
      )
    })

    test(`${kind}, a message that is too large is rejected alone`, async (t) => {
      const topic = await site.newTopic(1, { 'max.message.bytes': '2000' })
      const options = { topic, transactions }
      const destination = await openedKafka(t, { broker: site.broker, options, connectorId: topic })
      const messages = Array.from({ length: 20 }, (_, offset) =>
        makeMessage(offset, offset === 13 ? { payload: Buffer.alloc(3_000, 'x') } : {}),
      )

      const { rejected, kept } = await destination.send(batchOf('one', messages), idle)

      assert.deepEqual(
        rejected.map(({ index }) => index),
        [13],
      )
      assert.equal(rejected[0]?.refusal.error, 'MESSAGE_TOO_LARGE')
      assert.deepEqual(kept, [])
      const records = await readTopic(site.kafka.broker, topic)
      assert.deepEqual(
        records.map(({ headers }) => Number(headers['offset'])),
        messages.map(({ offset }) => offset).filter((offset) => offset !== 13),
      )
    })
  }

  test('a position survives the destination, and what lies below is not written again', async (t) => {
    const topic = await site.newTopic()
    const settings = {
      broker: site.broker,
      options: { topic, transactions: true },
      connectorId: topic,
    }
    const first = await openedKafka(t, settings)
    assert.equal(await first.position?.('one', '0a1b2c3d', idle), 0)
    await first.send(makeBatch('one', 5), idle)
    await first.close()

    const second = await openedKafka(t, settings)

    assert.equal(await second.position?.('one', '0a1b2c3d', idle), 5)
    await second.send(makeBatch('one', 8), idle)
    const records = await readTopic(site.kafka.broker, topic)
    assert.deepEqual(
      records.map(({ headers }) => Number(headers['offset'])),
      [0, 1, 2, 3, 4, 5, 6, 7],
    )
  })

  test('a missing topic keeps messages until it is there, and again after it was deleted', async (t) => {
    const topic = 'later'
    const destination = await openedKafka(t, { broker: site.broker, options: { topic } })
    const missing = { code: 'DestinationMissing', message: /there is no topic later.*--create/ }

    await assert.rejects(destination.send(makeBatch('one', 2), idle), missing)
    await createTopic(site.kafka.broker, topic)
    await until(() => sends(destination, makeBatch('one', 2)))
    await deleteTopic(site.kafka.broker, topic)
    await until(() =>
      isRefused(destination, batchOf('one', [makeMessage(2)]), 'DestinationMissing'),
    )
    await createTopic(site.kafka.broker, topic)
    await until(() => sends(destination, batchOf('one', [makeMessage(2), makeMessage(3)])))

    const records = await readTopic(site.kafka.broker, topic)
    assert.deepEqual(records.map(offsetOf), [2, 3])
  })

  test('a channel whose topic is missing does not hold up the others', async (t) => {
    const topic = await site.newTopic()
    for (const transactions of [false, true]) {
      const options = { topics: { one: topic, two: 'not-there' }, transactions }
      const connectorId = `${topic}-${transactions}`
      const destination = await openedKafka(t, { broker: site.broker, options, connectorId })
      const [one, two] = await Promise.allSettled([
        destination.send({ ...makeBatch('one', 2), logId: 'log-one' }, idle),
        destination.send({ ...makeBatch('two', 2), logId: 'log-two' }, idle),
      ])
      assert.equal(one.status, 'fulfilled')
      assert.equal(two.status, 'rejected')
    }
  })

  test('messages of a partition keep their order, over many channels and batches', async (t) => {
    const topic = await site.newTopic(3)
    for (const transactions of [false, true]) {
      const options = { topic, transactions, maxRecordBatchBytes: '16KiB' }
      const connectorId = `order-${transactions}`
      const destination = await openedKafka(t, { broker: site.broker, options, connectorId })
      const channels = Array.from({ length: 30 }, (_, index) => `channel_${index}`)
      await Promise.all(
        channels.map(async (channel) => {
          for (let from = 0; from < 500; from += 100) {
            const messages = Array.from({ length: 100 }, (_, index) =>
              makeMessage(from + index, { topic: `t/${index % 5}` }),
            )
            const outcome = await destination.send({ channel, logId: channel, messages }, idle)
            assert.deepEqual(outcome, { rejected: [], kept: [] })
          }
        }),
      )
      const records = (await readTopic(site.kafka.broker, topic, 3)).filter(
        ({ headers }) => headers['connector'] === connectorId,
      )
      assert.equal(records.length, 30 * 500)
      const latest = new Map<string, number>()
      for (const record of records) {
        const stream = `${record.headers['channel']} ${record.key}`
        assert.ok((latest.get(stream) ?? -1) < offsetOf(record), stream)
        latest.set(stream, offsetOf(record))
      }
    }
  })

  test('a second connector with the same id takes over, and the first one says so', async (t) => {
    const topic = await site.newTopic()
    const settings = { broker: site.broker, options: { topic, transactions: true } }
    const first = await openedKafka(t, { ...settings, connectorId: 'same' })
    await first.send({ ...makeBatch('one', 1), logId: 'log-1' }, idle)
    const second = await openedKafka(t, { ...settings, connectorId: 'same' })
    await second.send({ ...makeBatch('one', 1), logId: 'log-2' }, idle)

    await assert.rejects(
      first.send({ ...batchOf('one', [makeMessage(1)]), logId: 'log-1' }, idle),
      /Another connector with the same id .* Two running connectors must not share an id/,
    )
    assert.equal((await readTopic(site.kafka.broker, topic)).length, 2)
  })

  test('a position is found behind the open transaction of another connector', async (t) => {
    const topic = await site.newTopic()
    const options = { topic, transactions: true }
    const ours = await openedKafka(t, { broker: site.broker, options, connectorId: 'ours' })
    await ours.position?.('one', 'hidden', idle)
    const other = new Producer({
      clientId: 'other',
      bootstrapBrokers: [site.kafka.broker],
      idempotent: true,
      transactionalId: 'other',
    })
    t.after(() => other.close())
    const transaction = await other.beginTransaction()
    const record = { topic: POSITIONS_TOPIC, partition: 0, key: Buffer.from('k') }
    await transaction.send({ messages: [{ ...record, value: Buffer.from('v') }] })
    await ours.send({ ...makeBatch('one', 4), logId: 'hidden' }, idle)
    await ours.close()

    const again = await openedKafka(t, { broker: site.broker, options, connectorId: 'ours' })
    const position = again.position?.('one', 'hidden', idle)
    await transaction.abort()

    assert.equal(await position, 4)
  })
})

function offsetOf({ headers }: { readonly headers: Readonly<Record<string, string>> }): number {
  return Number(headers['offset'])
}

async function sends(destination: Destination, batch: Batch): Promise<boolean> {
  return (await destination.send(batch, idle).catch(() => undefined)) !== undefined
}

async function isRefused(destination: Destination, batch: Batch, code: string): Promise<boolean> {
  const error: unknown = await destination.send(batch, idle).catch((thrown: unknown) => thrown)
  return error instanceof ConnectorError && error.code === code
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await isTrue()) return
    await delay(100)
  }
  assert.fail('it did not become true')
}
