/** One transaction, as its coordinator sees it: which partitions it writes to, and its end. */
import type { PartitionBatch } from './assembly.ts'
import type { ProducerParts } from './producer-parts.ts'
import type { Broker } from './protocol/connections.ts'
import { asKafkaError, KafkaError } from './protocol/errors.ts'
import type { ProducerId } from './protocol/record-batch.ts'

/** The end of the transaction before may still be under way. */
const CONCURRENT_TRANSACTIONS = 51
const FIRST_DELAY_MS = 2
const MAX_DELAY_MS = 100

export class Transaction {
  readonly #parts: ProducerParts
  readonly #id: string
  readonly #producer: ProducerId
  readonly #coordinator: Broker
  readonly #added = new Set<string>()

  constructor(parts: ProducerParts, id: string, producer: ProducerId, coordinator: Broker) {
    this.#parts = parts
    this.#id = id
    this.#producer = producer
    this.#coordinator = coordinator
  }

  /** To be called before anything is written to the partitions. */
  async add(batches: readonly PartitionBatch[], signal: AbortSignal): Promise<void> {
    const topics = new Map<string, number[]>()
    for (const { place, records } of batches) {
      if (this.#added.has(place)) continue
      this.#added.add(place)
      const partitions = topics.get(records.topic) ?? []
      partitions.push(records.partition)
      topics.set(records.topic, partitions)
    }
    if (topics.size === 0) return
    const { library } = this.#parts
    const asked = {
      transactionalId: this.#id,
      producerId: this.#producer.id,
      producerEpoch: this.#producer.epoch,
      verifyOnly: false,
      topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    }
    const codec = this.#coordinator.newest('AddPartitionsToTxn', [library.addPartitionsToTxnV3])
    await this.#request('adding partitions to a transaction', signal, (broker) =>
      codec.api.async(broker.connection, [asked]),
    )
  }

  async commit(signal: AbortSignal): Promise<void> {
    const { id, epoch } = this.#producer
    const { library } = this.#parts
    const codec = this.#coordinator.newest('EndTxn', [library.endTxnV4, library.endTxnV3])
    await this.#request('committing a transaction', signal, (broker) =>
      codec.api.async(broker.connection, this.#id, id, epoch, true),
    )
  }

  async #request(
    doing: string,
    signal: AbortSignal,
    call: (broker: Broker) => Promise<unknown>,
  ): Promise<void> {
    const { connections, cluster } = this.#parts
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
      try {
        await connections.request(this.#coordinator, signal, call)
        return
      } catch (thrown) {
        signal.throwIfAborted()
        const error = asKafkaError(thrown, doing, connections.peer)
        const isPassing = error instanceof KafkaError && error.kafkaCode === CONCURRENT_TRANSACTIONS
        if (!isPassing) throw error
      }
      await cluster.pause(delayMs, signal)
    }
  }
}
