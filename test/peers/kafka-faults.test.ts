/**
 * Kafka while its network and its broker fail. What was sent is read back: nothing may be lost, and
 * nothing may be there twice.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Batch } from '../../src/destinations/destination.ts'
import type { KafkaDestination } from '../../src/destinations/kafka/destination.ts'
import { ConnectorError } from '../../src/errors.ts'
import { makeMessage } from '../support/channels/batch-maker.ts'
import type { FaultMode } from '../support/destinations/fault-proxy.ts'
import { type KafkaSite, Releases, startKafkaSite } from '../support/destinations/kafka-site.ts'
import { openedKafka } from '../support/destinations/kafka-under-test.ts'
import { Random } from '../support/random.ts'
import { skipWithoutKafka } from '../support/servers/kafka.ts'
import { readTopic } from '../support/servers/kafka-topics.ts'

const idle = new AbortController().signal
const CHANNELS = ['one', 'two', 'three']
const MESSAGES = 1_500
const FAULTS: readonly [FaultMode, ...FaultMode[]] = ['lose-answers', 'cut', 'hang']

describe('kafka destination under faults', { skip: skipWithoutKafka }, () => {
  const releases = new Releases()
  let site: KafkaSite

  before(async () => {
    site = await startKafkaSite(releases)
  })
  after(() => releases.run())

  for (const transactions of [false, true]) {
    const kind = transactions ? 'with transactions' : 'without transactions'

    test(`${kind}, a network that fails loses and duplicates nothing`, async (t) => {
      const topic = await site.newTopic(2)
      const options = { topic, transactions, timeout: '1s' }
      const destination = await openedKafka(t, { broker: site.broker, options, connectorId: topic })
      const random = new Random(transactions ? 7 : 8)
      let isOver = false
      const failing = (async () => {
        while (!isOver) {
          site.proxy.set(random.oneOf(FAULTS))
          await delay(5 + random.below(60))
          site.proxy.set('pass')
          await delay(5 + random.below(150))
        }
      })()

      await Promise.all(CHANNELS.map((channel) => deliver(destination, channel, random)))
      isOver = true
      await failing

      await assertExact(site, topic, 2)
    })

    test(`${kind}, a broker that is killed loses and duplicates nothing`, async (t) => {
      const topic = await site.newTopic(2)
      const options = { topic, transactions, timeout: '3s' }
      const destination = await openedKafka(t, { broker: site.broker, options, connectorId: topic })
      const random = new Random(9)
      const delivered = Promise.all(
        CHANNELS.map((channel) => deliver(destination, channel, random, 10)),
      )

      await delay(300)
      await site.kafka.process.kill()
      await site.kafka.process.start()
      await delivered

      await assertExact(site, topic, 2)
    })
  }

  test('a broker that is suspended does not hold a send, and goes on after it', async (t) => {
    const topic = await site.newTopic()
    const options = { topic, timeout: '1s' }
    const destination = await openedKafka(t, { broker: site.broker, options })
    const batchAt = (offset: number) => ({
      channel: 'one',
      logId: 'log',
      messages: [makeMessage(offset)],
    })

    site.kafka.process.freeze()
    let sent = 0
    let tookMs = 0
    // The signal takes its time, so some sends may still succeed.
    for (let isHanging = false; !isHanging; ) {
      const begun = performance.now()
      const outcome = await destination.send(batchAt(sent), idle).catch((thrown: unknown) => thrown)
      isHanging = outcome instanceof ConnectorError
      tookMs = performance.now() - begun
      if (!isHanging) sent++
    }
    assert.ok(tookMs < 2_000)
    site.kafka.process.thaw()
    await sendAll(destination, batchAt(sent))

    const records = await readTopic(site.kafka.broker, topic)
    assert.deepEqual(
      records.map(({ headers }) => Number(headers['offset'])),
      Array.from({ length: sent + 1 }, (_, offset) => offset),
    )
  })
})

/** As `delivery/` does: in order, one batch at a time, cut differently after each failure. */
async function deliver(
  destination: KafkaDestination,
  channel: string,
  random: Random,
  pauseMs = 0,
): Promise<void> {
  for (let from = 0; from < MESSAGES; ) {
    const count = Math.min(1 + random.below(120), MESSAGES - from)
    const messages = Array.from({ length: count }, (_, index) =>
      // After a crash the broker forgets producers whose records are older than a day.
      makeMessage(from + index, { topic: `t/${(from + index) % 4}`, receivedAt: Date.now() }),
    )
    const batch = { channel, logId: `log-${channel}`, messages }
    const outcome = await destination.send(batch, idle).catch(() => undefined)
    const kept = outcome?.kept ?? [0]
    assert.deepEqual(outcome?.rejected ?? [], [])
    // What comes after a kept message may have been delivered: it must not be sent again.
    if (outcome !== undefined && kept.length > 0) {
      await sendAll(destination, { ...batch, messages: kept.map((index) => messages[index]!) })
    }
    if (outcome === undefined) await delay(20)
    else from += count
    if (pauseMs > 0) await delay(pauseMs)
  }
}

async function sendAll(destination: KafkaDestination, batch: Batch): Promise<void> {
  let { messages } = batch
  while (messages.length > 0) {
    const sent = messages
    const outcome = await destination
      .send({ ...batch, messages: sent }, idle)
      .catch(() => undefined)
    if (outcome === undefined) await delay(50)
    else messages = outcome.kept.map((index) => sent[index]!)
  }
}

async function assertExact(site: KafkaSite, topic: string, partitions: number): Promise<void> {
  const records = await readTopic(site.kafka.broker, topic, partitions)
  for (const channel of CHANNELS) {
    const offsets = records
      .filter(({ headers }) => headers['channel'] === channel)
      .map(({ headers, value }) => {
        assert.equal(String(value), `{"reading":${headers['offset']}}`)
        return Number(headers['offset'])
      })
    const duplicates = offsets.length - new Set(offsets).size
    assert.equal(duplicates, 0, `${channel}: duplicates`)
    assert.equal(new Set(offsets).size, MESSAGES, `${channel}: messages`)
  }
}
