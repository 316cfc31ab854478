/**
 * The composition root: starts the parts in the data's order and stops them in reverse.
 */
import { EventEmitter } from 'node:events'
import { ChannelSet } from '../channels/channel-set.ts'
import { MemoryBudget } from '../channels/memory-budget.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import { noReceipts, PrimaryReceipts } from '../delivery/batch-receipts.ts'
import { CommitReceipts } from '../delivery/commit-receipts.ts'
import { DestinationDelivery } from '../delivery/destination-delivery.ts'
import { ReceiptDesk } from '../delivery/receipt-desk.ts'
import { receiptIdOf } from '../message.ts'
import { STATUS_TOPIC } from '../routing/input-topics.ts'
import { Router } from '../routing/router.ts'
import { InProcessSource } from '../sources/in-process/in-process-source.ts'
import type { Source } from '../sources/source.ts'
import { createLogger, type LogOutput } from '../telemetry/logger.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { TelemetryObserver } from '../telemetry/pipeline-observer.ts'
import { VERSION } from '../version.ts'
import { type ConnectorEvents, emittingObserver } from './connector-events.ts'
import { makeDestination, makeSources, makeStore, type Surroundings } from './parts.ts'
import { RunningView } from './running-view.ts'
import { drainDeliveries, type StopReport } from './stop.ts'

export interface ConnectorOptions {
  readonly clock?: Clock
  /** From 0 up to, not including, 1: spreads retries. */
  readonly random?: () => number
  /** Where log lines go. Default: standard error. */
  readonly logOutput?: LogOutput
}

/** What is running, in lines for people. */
export interface ConnectorDescription {
  readonly sources: readonly string[]
  readonly destinations: readonly string[]
  /** Undefined when there is no HTTP server. */
  readonly http: string | undefined
  /** Undefined with durability `memory`. */
  readonly dataDirectory: string | undefined
  readonly channels: number
}

export class Connector {
  readonly config: ConnectorConfig
  readonly events = new EventEmitter<ConnectorEvents>()
  readonly #surroundings: Surroundings
  readonly #metrics: Metrics
  readonly #inProcess: InProcessSource
  /** How to undo what has been started, the last first. */
  readonly #undo: (() => Promise<void>)[] = []
  #channels: ChannelSet | undefined
  #desk: ReceiptDesk | undefined
  #sources: readonly Source[] = []
  #deliveries: readonly DestinationDelivery[] = []
  #http: { readonly description: string } | undefined
  #stopping: Promise<StopReport> | undefined

  constructor(config: ConnectorConfig, options: ConnectorOptions = {}) {
    const { clock = systemClock, random = Math.random } = options
    this.config = config
    this.#metrics = new Metrics({
      version: VERSION,
      ledger: () => this.#channels?.ledger() ?? [],
      now: () => clock.now(),
    })
    const logger = createLogger(config.log, options.logOutput)
    const telemetry = new TelemetryObserver({ logger, metrics: this.#metrics, clock })
    const { events } = this
    this.#surroundings = { clock, random, observer: emittingObserver(events, telemetry) }
    this.#inProcess = new InProcessSource({
      get isListening() {
        return events.listenerCount('receipt') > 0
      },
      receive: (receipt) => events.emit('receipt', JSON.parse(receipt)),
    })
  }

  /**
   * Resolves when messages can come in. When it rejects, everything is as before and nothing runs.
   * @throws {ConnectorError} AddressInUse, DirectoryLocked, InvalidConfiguration, StorageFailed
   */
  async start(): Promise<void> {
    try {
      const channels = await this.#startChannels()
      const router = await this.#startDelivery(channels)
      await this.#startSources(router)
      await this.#startHttp(channels)
    } catch (error) {
      await this.#undoAll()
      throw error
    }
  }

  /**
   * Lets no more messages in, delivers what waits until the deadline, keeps the rest, ends. Calling
   * it again gives the same promise.
   * @param options.deadlineMs how long to go on delivering. Default: 10 seconds.
   */
  stop(options: { readonly deadlineMs?: number } = {}): Promise<StopReport> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? 10_000)
    return this.#stopping
  }

  /**
   * Takes a message as if a device had sent it: a string as a formatted one, with its id if given;
   * bytes as a binary one. Resolves when it is committed.
   * @throws {ConnectorError} the code says why it was refused.
   */
  publish(
    channel: string,
    message: string | Buffer,
    options: { readonly id?: string } = {},
  ): Promise<void> {
    const topic = `iotanalytics/channels/${channel}/messages`
    if (typeof message !== 'string') return this.#inProcess.publish(`${topic}/binary/put`, message)
    const envelope = JSON.stringify({ request: { message }, id: options.id })
    return this.#inProcess.publish(`${topic}/put`, Buffer.from(envelope))
  }

  /** Takes a message on any topic the configuration takes messages from; see `publish`. */
  publishTopic(topic: string, payload: Buffer): Promise<void> {
    return this.#inProcess.publish(topic, payload)
  }

  describe(): ConnectorDescription {
    const { storage } = this.config
    return {
      sources: this.#sources.map((source) => source.description),
      destinations: this.#deliveries.map(({ destination }) => destination.description),
      http: this.#http?.description,
      dataDirectory: storage.durability === 'disk' ? storage.directory : undefined,
      channels: [...(this.#channels ?? [])].length,
    }
  }

  async #startChannels(): Promise<ChannelSet> {
    const { parameters, storage, destinations } = this.config
    const desk = new ReceiptDesk({ topic: STATUS_TOPIC, reports: parameters.statusReports })
    const budget = new MemoryBudget(parameters.memoryBytes)
    const channels = new ChannelSet({
      store: await makeStore(this.config, budget, this.#surroundings),
      budget,
      clock: this.#surroundings.clock,
      observer: this.#surroundings.observer,
      bounds: {
        maxBacklogMessages: parameters.queueSizePerChannel ?? Number.POSITIVE_INFINITY,
        dropBehavior: parameters.queueDropBehavior,
        maxActiveChannels: parameters.maxActiveChannels,
      },
      readers: destinations.map(({ name }) => name),
      minCommitIntervalMs: storage.minCommitInterval,
      onDropped: (message, refusal) => desk.failure(receiptIdOf(message), message.reply, refusal),
    })
    await channels.open()
    this.#undo.push(() => channels.close())
    this.#channels = channels
    this.#desk = desk
    return channels
  }

  async #startDelivery(channels: ChannelSet, desk: ReceiptDesk): Promise<void> {
    const { parameters, destinations } = this.config
    const { observer } = this.#surroundings
    if (destinations.length === 0) new CommitReceipts(channels, desk, observer).start()
    const primary = new PrimaryReceipts(desk)
    for (const [index, destination] of destinations.entries()) {
      const delivery = new DestinationDelivery({
        ...this.#surroundings,
        destination: await makeDestination(destination, this.#surroundings),
        channels,
        batchMessages: parameters.batchSizePerChannel,
        publishIntervalMs: parameters.publishIntervalMs,
        maxInFlightBatches: 1,
        receipts: index === 0 ? primary : noReceipts,
      })
      delivery.start()
      this.#deliveries.push(delivery)
      this.#undo.push(() => delivery.close())
    }
  }
}
