/** Apache Kafka: each message is a record, with its payload untouched and its origin in headers. */
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import { batchRuleOf } from '../batch-rule.ts'
import type { Batch, BatchOutcome, BatchRule, Destination } from '../destination.ts'
import type { DestinationSettings } from '../destination-settings.ts'
import { checkKafka } from './check.ts'
import { IdempotentProducer } from './idempotent-producer.ts'
import type { KafkaOptions } from './options.ts'
import { initProducer, type ProducerParts } from './producer-parts.ts'
import { Cluster } from './protocol/cluster.ts'
import { Connections } from './protocol/connections.ts'
import { type KafkaLibrary, loadLibrary } from './protocol/library.ts'
import type { Compression } from './protocol/record-batch.ts'
import { Submission } from './submission.ts'
import { TransactionalProducer } from './transactional-producer.ts'

const BATCH_LIMITS = {
  defaults: { messages: 1_000, bytes: 524_288, intervalMs: 100 },
  most: { messages: 100_000, bytes: 16_777_216 },
}

interface Opened {
  readonly parts: ProducerParts
  readonly producer: IdempotentProducer | TransactionalProducer
}

export class KafkaDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  /** Only with transactions. */
  readonly position?: NonNullable<Destination['position']>
  readonly #options: KafkaOptions
  readonly #place: string
  readonly #connectorId: string
  readonly #clock: Clock
  #opened: Opened | undefined
  #isClosed = false

  constructor({
    name,
    place,
    options,
    connectorId,
    batch,
    clock,
  }: Omit<DestinationSettings<KafkaOptions>, 'spoolDirectory' | 'random'>) {
    this.name = name
    this.description = `Kafka at ${options.brokers.join(', ')}, ${describedTopic(options)}`
    this.batchRule = batchRuleOf(batch, place, BATCH_LIMITS)
    this.#options = options
    this.#place = place
    this.#connectorId = connectorId
    this.#clock = clock
    if (options.transactions) {
      this.position = (_channel, logId, signal) => this.#position(logId, signal)
    }
  }

  async open(): Promise<void> {
    if (this.#opened !== undefined) return
    const library = await loadLibrary(this.#place)
    const options = this.#options
    const compression = compressionOf(library, options.compression, this.#place)
    const connections = new Connections({
      library,
      clientId: `${this.#connectorId}/${this.name}`.replaceAll(/\s/g, '_'),
      place: this.#place,
      options,
    })
    await connections.check()
    const clock = this.#clock
    const cluster = new Cluster({ library, connections, bootstrap: options.brokers, clock })
    const known = {
      connectorId: this.#connectorId,
      options,
      library,
      cluster,
      connections,
      compression,
      timeoutMs: options.timeout,
      clock,
    }
    const parts: ProducerParts = {
      ...known,
      initProducer: (transactionalId, signal) => initProducer(known, transactionalId, signal),
    }
    const owner = { connectorId: this.#connectorId, name: this.name }
    const producer = options.transactions
      ? new TransactionalProducer(parts, owner)
      : new IdempotentProducer(parts)
    this.#opened = { parts, producer }
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    const { producer } = this.#usable()
    const topic = this.#topicOf(batch.channel)
    if (signal.aborted) throw cancelled()
    const { timeout: timeoutMs } = this.#options
    return await producer.submit(
      new Submission({ batch, topic, signal, timeoutMs, clock: this.#clock }),
    )
  }

  async check(signal: AbortSignal): Promise<void> {
    const { parts } = this.#usable()
    const owner = { connectorId: this.#connectorId, name: this.name }
    try {
      await checkKafka(parts, owner, signal)
    } catch (thrown) {
      throw signal.aborted ? cancelled() : thrown
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#opened?.producer.close(cancelled())
    this.#opened?.parts.connections.close()
  }

  async #position(logId: string, signal: AbortSignal): Promise<number> {
    const { producer } = this.#usable()
    if (!(producer instanceof TransactionalProducer)) return 0
    try {
      return await producer.position(logId, signal)
    } catch (thrown) {
      throw signal.aborted ? cancelled() : thrown
    }
  }

  #usable(): Opened {
    if (this.#opened === undefined || this.#isClosed) throw cancelled()
    return this.#opened
  }

  #topicOf(channel: string): string {
    const { topic, topics, topicPrefix } = this.#options
    if (topic !== undefined) return topic
    if (topicPrefix !== undefined) return `${topicPrefix}${channel}`
    const named =
      topics !== undefined && Object.hasOwn(topics, channel) ? topics[channel] : undefined
    if (named !== undefined) return named
    throw new ConnectorError(
      'DestinationMissing',
      `${this.#place}.topics names no topic for channel ${channel}. Add it, or leave the channel out with the setting channels of the destination`,
    )
  }
}

function cancelled(): ConnectorError {
  return new ConnectorError('Stopping', 'writing to Kafka: cancelled')
}

function describedTopic({ topic, topics, topicPrefix, transactions }: KafkaOptions): string {
  const where =
    topic ?? (topics === undefined ? `${topicPrefix}<channel>` : Object.values(topics).join(', '))
  return `topic ${where}${transactions ? ', in transactions' : ''}`
}

function compressionOf(
  library: KafkaLibrary,
  name: KafkaOptions['compression'],
  place: string,
): Compression | undefined {
  if (name === 'none') return undefined
  const { compressSync, bitmask, available } = library.compressionsAlgorithms[name]
  if (available) return { bits: bitmask, compress: (records) => compressSync(records) }
  throw new ConnectorError(
    'InvalidConfiguration',
    `${place}.compression: ${name} needs Node 22.15 or later. Choose gzip, snappy, lz4 or none`,
  )
}
