/** The composition root: starts the parts in the order of the data, and stops them in reverse. */

import { EventEmitter } from 'node:events'
import type { ChannelLedger } from '../channels/ledger/ledger.ts'
import { systemClock } from '../clock.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import type { DestinationDelivery } from '../delivery/destination-delivery.ts'
import { ReceiptPublisher } from '../delivery/receipts/receipt-publisher.ts'
import { ConnectorError } from '../errors.ts'
import type { Settings } from '../http/api/shapes/settings.ts'
import type { HttpServer } from '../http/http-server.ts'
import { receiptIdOf } from '../message.ts'
import { RunningView } from '../operator/running-view.ts'
import { RefusedClients } from '../operator/sampling/refused-clients.ts'
import { RecentRefusals } from '../operator/why/recent-refusals.ts'
import { CountedIntake } from '../routing/counted-intake.ts'
import { Router } from '../routing/router.ts'
import type { BatchPutMessage } from '../sources/batch-put-message/batch-put-message.ts'
import type { OriginPositions } from '../sources/batch-put-message/origin-positions.ts'
import type { Nucleus } from '../sources/greengrass/nucleus.ts'
import { InProcessSource } from '../sources/in-process/in-process-source.ts'
import type { Source } from '../sources/source.ts'
import { Metrics } from '../telemetry/metrics/metrics.ts'
import { STATUS_TOPIC } from '../topics.ts'
import { VERSION } from '../version.ts'
import { type RunningAnalytics, startAnalytics } from './analytics/analytics.ts'
import { checkStart, type StartCheck } from './checks/start-check.ts'
import type { ConnectorEvents } from './connector-events.ts'
import { connectorIdOf } from './connector-id.ts'
import type { ConnectorDescription, ConnectorOptions } from './connector-options.ts'
import { makeDeliveries, type UpstreamOf } from './deliveries.ts'
import { drain, type StopReport } from './draining.ts'
import { type OpenedStorage, openStorage } from './opened-storage.ts'
import { makeBatchPutMessage, makeSources, openOrigins, type PartContext } from './parts.ts'
import { ConnectorTelemetry } from './telemetry/connector-telemetry.ts'
import { partFigures } from './telemetry/part-figures.ts'
import { viewOptions } from './view-options.ts'

/** What `start` created. */
interface Running extends OpenedStorage {
  readonly connectorId: string
  readonly receipts: ReceiptPublisher
  readonly router: Router
  readonly refusals: RecentRefusals
  readonly deliveries: DestinationDelivery[]
  readonly sources: Source[]
  /** The messages of sources that do not count them. */
  readonly intakes: Map<string, CountedIntake>
  /** What other connectors have sent; undefined if nobody may send. */
  readonly origins: OriginPositions | undefined
  /** Among the sources. */
  batches: BatchPutMessage | undefined
  analytics: RunningAnalytics | undefined
  http: HttpServer | undefined
}

const STOP_DEADLINE_MS = 10_000
/** Time that a stop leaves for storing, and the least that storing gets. */
const STORING_MS = 2_000

export class Connector {
  readonly config: ConnectorConfig
  readonly events = new EventEmitter<ConnectorEvents>()
  readonly #context: PartContext
  readonly #metrics: Metrics
  readonly #telemetry: ConnectorTelemetry
  readonly #inProcess: InProcessSource
  readonly #refusedClients: RefusedClients
  readonly #settings: () => Settings
  readonly #nucleus: Nucleus | undefined
  /** Stops what was started; called from the last to the first. */
  readonly #undo: (() => Promise<void>)[] = []
  /** When storing has to end; see `Clock.monotonic`. */
  #stopBy = Number.POSITIVE_INFINITY
  #running: Running | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<StopReport> | undefined

  constructor(config: ConnectorConfig, options: ConnectorOptions = {}) {
    const { clock = systemClock, random = Math.random, logOutput } = options
    this.config = config
    this.#nucleus = options.nucleus
    this.#metrics = new Metrics({
      version: VERSION,
      ledger: () => this.ledger(),
      store: () => this.#running?.storeLedger(),
      outage: () => this.#running?.outage() ?? [],
      parts: () => this.#running && partFigures(this.#running, this.#telemetry.certificates),
      now: () => clock.now(),
    })
    const { events } = this
    this.#settings = options.settings ?? (() => ({ files: [], settings: [] }))
    const refused = new RefusedClients(clock)
    this.#refusedClients = refused
    const telemetry = new ConnectorTelemetry({
      ...{ config, metrics: this.#metrics, events, clock, random, logOutput },
      traces: options.traces,
      onRefused: (...report) => refused.note(...report),
    })
    this.#telemetry = telemetry
    this.#context = {
      clock,
      random,
      get observer() {
        return telemetry.observer
      },
    }
    this.#inProcess = new InProcessSource({
      get isListening() {
        return events.listenerCount('receipt') > 0
      },
      receive: (receipt) => events.emit('receipt', JSON.parse(receipt)),
    })
  }

  /** What would keep it from starting, and what is open to others. Changes nothing on disk. */
  check(): Promise<StartCheck> {
    return checkStart(this.config)
  }

  /**
   * Resolves when messages can come in. If it rejects, no part is left running, and it may be called
   * again. Calling it while the connector runs changes nothing.
   * @throws {ConnectorError} AddressInUse, DirectoryLocked, InvalidConfiguration, StorageFailed;
   *   Stopping after `stop`: a connector runs once.
   */
  async start(): Promise<void> {
    if (this.#stopping !== undefined) {
      throw new ConnectorError('Stopping', 'this connector has been stopped; create another one')
    }
    this.#starting ??= this.#start()
    await this.#starting
  }

  /**
   * Stops the intake, delivers waiting messages, keeps the rest, and ends. Calling it again returns
   * the same promise.
   * @param options.deadlineMs how long all of it may take. Default: 10 seconds. The last fifth, 2
   *   seconds at most, is left for storing. It takes longer only if the disk does not answer: then
   *   the process may be ended, and no acknowledged message is lost.
   */
  stop(options: { readonly deadlineMs?: number } = {}): Promise<StopReport> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? STOP_DEADLINE_MS)
    return this.#stopping
  }

  /**
   * Reads certificates, users, access rules and the token of the HTTP server again, and opens the log
   * file again. A faulty file is logged and not used.
   */
  async reload(): Promise<void> {
    const { sources = [], http, analytics } = this.#running ?? {}
    this.#telemetry.reopen()
    await Promise.all([
      http?.reload(),
      analytics?.api?.reload(),
      ...sources.map((source) => source.reload?.()),
    ])
  }

  /**
   * Takes a message as if a device had sent it: a string as a formatted message, with the id if given;
   * bytes as a binary message. Resolves when it is committed.
   * @throws {ConnectorError} with a code that says why it was refused.
   */
  publish(
    channel: string,
    message: string | Buffer,
    options: { readonly id?: string } = {},
  ): Promise<void> {
    const topic = `iotanalytics/channels/${channel}/messages`
    if (typeof message !== 'string') return this.publishTo(`${topic}/binary/put`, message)
    const envelope = JSON.stringify({ request: { message }, id: options.id })
    return this.publishTo(`${topic}/put`, Buffer.from(envelope))
  }

  /** Takes a message on any topic that the configuration accepts. */
  publishTo(topic: string, payload: Buffer): Promise<void> {
    return this.#inProcess.publish(topic, payload)
  }

  /** Every channel's figures as they are now; empty while the connector does not run. */
  ledger(): ChannelLedger[] {
    return this.#running?.channels.ledger() ?? []
  }

  /** How long the disk has left a commit unanswered, in milliseconds; 0 while it has none. */
  get commitPendingMs(): number {
    return this.#running?.channels.commits.pendingMs ?? 0
  }

  describe(): ConnectorDescription {
    const { storage } = this.config
    const running = this.#running
    return {
      sources: running?.sources.map((source) => source.description) ?? [],
      destinations: running?.deliveries.map(({ destination }) => destination.description) ?? [],
      http: running?.http?.address === undefined ? undefined : running.http.description,
      socket: running?.http?.socketPath,
      dataDirectory: storage.durability === 'disk' ? storage.directory : undefined,
      channels: running === undefined ? 0 : [...running.channels].length,
    }
  }

  async #start(): Promise<void> {
    try {
      await this.#telemetry.open()
      // Before deliveries begin: a kill repeats what was sent while modules load.
      await this.#loadHttp()
      await this.#telemetry.certificates.read()
      const running = await this.#openChannels()
      await this.#startDeliveries(running)
      await this.#startSources(running)
      await this.#startAnalytics(running)
      await this.#startHttp(running)
      this.#running = running
    } catch (error) {
      this.#starting = undefined
      await this.#undoAll()
      throw error
    }
  }

  async #openChannels(): Promise<Running> {
    const { parameters, inputs, sources } = this.config
    const { clock } = this.#context
    const receipts = new ReceiptPublisher({
      topic: STATUS_TOPIC,
      reports: parameters.statusReports,
      clock,
    })
    const refusals = new RecentRefusals(clock)
    const storage = await openStorage(this.config, this.#context, (message, refusal) => {
      refusals.dropped(message, refusal)
      receipts.failure(receiptIdOf(message), message.reply, refusal)
    })
    const { channels } = storage
    this.#undo.push(() => storage.close((this.#stopBy - clock.monotonic()) / 2))
    const connectorId = await connectorIdOf(this.config)
    const router = new Router({
      ...this.#context,
      channels,
      receipts: refusals.watching(receipts),
      inputs: [...inputs, ...(sources.greengrass?.iotCoreInputs ?? [])],
      defaultChannel: parameters.defaultChannelName,
      binaryEncoding: parameters.binaryPayloadEncoding,
      deadLetters: channels.deadLetters,
    })
    const origins = await openOrigins(this.config, channels, this.#context)
    const parts = { connectorId, receipts, router, refusals, origins, batches: undefined }
    return {
      ...storage,
      ...parts,
      deliveries: [],
      sources: [],
      intakes: new Map(),
      analytics: undefined,
      http: undefined,
    }
  }

  async #startDeliveries(running: Running): Promise<void> {
    const { deliveries, origins } = running
    const upstreamOf: UpstreamOf = (channel, since) => origins?.upstreamOf(channel, since)
    const made = makeDeliveries(this.config, running, { ...this.#context, upstreamOf })
    for await (const delivery of made) {
      delivery.start()
      deliveries.push(delivery)
      this.#undo.push(() => delivery.close())
    }
  }

  async #startSources(running: Running): Promise<void> {
    const { channels, receipts, router, sources, connectorId, origins } = running
    await this.#inProcess.start(router)
    this.#undo.push(() => this.#inProcess.close())
    receipts.addOutlet(this.#inProcess.outlet)
    const context = { ...this.#context, connectorId }
    running.batches = await makeBatchPutMessage(this.config, origins, context)
    const made = await makeSources(this.config, channels, {
      ...this.#context,
      nucleus: this.#nucleus,
    })
    const all: Source[] = [...made, ...[running.batches ?? []].flat()]
    for (const source of all) {
      this.#undo.push(() => source.close())
      const intake = source.received === undefined ? new CountedIntake(router) : router
      if (intake instanceof CountedIntake) running.intakes.set(source.name, intake)
      await source.start(intake)
      receipts.addOutlet(source.outlet)
      sources.push(source)
    }
  }

  async #startAnalytics(running: Running): Promise<void> {
    const { connectorId } = running
    const analytics = await startAnalytics(this.config, running, { ...this.#context, connectorId })
    this.#undo.push(() => analytics.close())
    running.analytics = analytics
  }

  get #socketDirectory(): string | undefined {
    const { storage } = this.config
    return storage.durability === 'disk' ? storage.directory : undefined
  }

  /** Undefined if neither a port nor the operator's socket is wanted. */
  async #loadHttp() {
    if (this.config.http === undefined && this.#socketDirectory === undefined) return undefined
    return await import('../http/http-server.ts')
  }

  async #startHttp(running: Running): Promise<void> {
    const { http } = this.config
    const socketDirectory = this.#socketDirectory
    const module = await this.#loadHttp()
    if (module === undefined) return
    const { HttpServer } = module
    const { httpOptions } = await import('../http/options.ts')
    const { clock, observer } = this.#context
    const view = new RunningView({
      ...this.#context,
      ...running,
      ...viewOptions(this.config),
      metrics: this.#metrics,
      refusedClients: this.#refusedClients,
      settings: this.#settings,
      tables: running.analytics?.tableList,
    })
    view.start()
    this.#undo.push(async () => view.close())
    const server = new HttpServer({
      options: http ?? httpOptions.parse({}),
      hasPort: http !== undefined,
      socketDirectory,
      view,
      batches: running.batches,
      queries: running.analytics?.queries,
      api: running.analytics?.api,
      contents: running.analytics?.datasets,
      clock,
      onInsecure: (warning) => observer.settingsInsecure('http', warning),
      onReloaded: (error) => observer.filesReloaded('http', error),
      onRefused: (remote, reason) => observer.clientRefused('http', remote, reason),
    })
    await server.start()
    this.#undo.push(() => server.close())
    running.http = server
  }

  async #stop(deadlineMs: number): Promise<StopReport> {
    await this.#starting?.catch(() => {}) // `start` reports this error
    const running = this.#running
    if (running === undefined) return { delivered: 0, kept: 0, lost: 0 }
    await Promise.all([this.#inProcess, ...running.sources].map((source) => source.stopIntake()))
    const isKept = this.config.storage.durability === 'disk'
    const storingMs = Math.min(STORING_MS, deadlineMs / 5)
    this.#stopBy = this.#context.clock.monotonic() + Math.max(deadlineMs, STORING_MS)
    const report = await drain({ ...running, deadlineMs: deadlineMs - storingMs, isKept })
    running.receipts.flush()
    this.#running = undefined
    await this.#undoAll()
    return report
  }

  async #undoAll(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo()
    // Last: until then every part may still report.
    await this.#telemetry.close()
  }
}
