/**
 * Three Kafka brokers, of which one after the other is killed or stopped while messages are
 * delivered. The leaders of partitions and the coordinator of transactions move each time.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaDestination } from '../../src/destinations/kafka/destination.ts'
import { makeMessage } from '../support/channels/batch-maker.ts'
import { POSITIONS_TOPIC, Releases } from '../support/destinations/kafka-site.ts'
import { openedKafka } from '../support/destinations/kafka-under-test.ts'
import { type Kafka, skipWithoutKafka, startKafkaCluster } from '../support/servers/kafka.ts'
import { createTopic, readTopic } from '../support/servers/kafka-topics.ts'

const idle = new AbortController().signal
const CHANNELS = ['one', 'two', 'three']
const PARTITIONS = 6
const BATCH = 50

describe('kafka destination and a cluster', { skip: skipWithoutKafka }, () => {
  const releases = new Releases()
  let brokers: readonly Kafka[]
  let addresses: string

  before(async () => {
    brokers = await startKafkaCluster(releases, 3)
    addresses = brokers.map(({ broker }) => broker).join(',')
    const configs = { 'cleanup.policy': 'compact' }
    await createTopic(addresses, POSITIONS_TOPIC, { replicas: 3, configs })
  })
  after(() => releases.run())

  for (const transactions of [false, true]) {
    const kind = transactions ? 'with transactions' : 'without transactions'

    test(`${kind}, leaders that are killed or stopped lose and duplicate nothing`, async (t) => {
      const topic = `moving-${transactions}`
      await createTopic(addresses, topic, { partitions: PARTITIONS, replicas: 3 })
      const destination = await openedKafka(t, {
        broker: '',
        options: { brokers: addresses.split(','), topic, transactions, timeout: '5s' },
        connectorId: topic,
      })
      const load = new Load(destination)
      const delivered = Promise.all(CHANNELS.map((channel) => load.deliver(channel)))

      for (const [index, end] of [
        [1, 'kill'],
        [2, 'stop'],
      ] as const) {
        await load.untilDelivered(500)
        await brokers[index]?.process[end]()
        // Without the broker, messages go on to the other two.
        await load.untilDelivered(500)
        await brokers[index]?.process.start()
        await load.untilDelivered(500)
      }
      load.isOver = true
      await delivered

      const records = await readTopic(addresses, topic, PARTITIONS)
      for (const channel of CHANNELS) {
        const offsets = records
          .filter(({ headers }) => headers['channel'] === channel)
          .map(({ headers }) => Number(headers['offset']))
        const sent = load.ends.get(channel) ?? 0
        assert.equal(offsets.length - new Set(offsets).size, 0, `${channel}: duplicates`)
        assert.equal(new Set(offsets).size, sent, `${channel}: messages`)
      }
      assertOrder(records)
    })
  }
})

/** Sends as `delivery/` does: in order, one batch at a time for each channel. */
class Load {
  /** By channel: the offset after its last message that is delivered. */
  readonly ends = new Map<string, number>()
  isOver = false
  #delivered = 0
  readonly #destination: KafkaDestination

  constructor(destination: KafkaDestination) {
    this.#destination = destination
  }

  async untilDelivered(more: number): Promise<void> {
    const enough = this.#delivered + more
    while (this.#delivered < enough) await delay(5)
  }

  async deliver(channel: string): Promise<void> {
    let next = 0
    let waiting = [0]
    while (!this.isOver || waiting.length > 0) {
      if (waiting.length === 0) waiting = Array.from({ length: BATCH }, (_, index) => next + index)
      const messages = waiting.map((offset) =>
        makeMessage(offset, { topic: `t/${offset % 11}`, receivedAt: Date.now() }),
      )
      const batch = { channel, logId: `log-${channel}`, messages }
      const outcome = await this.#destination.send(batch, idle).catch(() => undefined)
      if (outcome === undefined) {
        await delay(50)
        continue
      }
      assert.deepEqual(outcome.rejected, [])
      this.#delivered += waiting.length - outcome.kept.length
      next = Math.max(next, (waiting.at(-1) ?? 0) + 1)
      waiting = outcome.kept.map((index) => waiting[index] ?? 0)
      this.ends.set(channel, next)
    }
  }
}

/** Within a partition, messages of a channel with the same key are in order. */
function assertOrder(records: Awaited<ReturnType<typeof readTopic>>): void {
  const latest = new Map<string, number>()
  for (const { headers, key } of records) {
    const stream = `${headers['channel']} ${key}`
    const offset = Number(headers['offset'])
    assert.ok((latest.get(stream) ?? -1) < offset, `${stream}: order at ${offset}`)
    latest.set(stream, offset)
  }
}
