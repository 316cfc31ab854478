/**
 * Another MQTT broker as a source: connects, reconnects indefinitely, subscribes, takes messages in
 * and publishes receipts.
 *
 *            ┌───────────── down: wait, longer each time ◀──────────┐
 *            ▼                                                      │
 *   start → connecting → up: subscribe, receipts out, messages in ──┘     close → closed
 */
import type { MqttClient } from 'mqtt'
import { shownUrl } from '../../addresses.ts'
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError, type ConnectorError } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { retryDelayMs } from '../retry-delay.ts'
import type { ConnectionState, Intake, ReceiptOutlet, Source } from '../source.ts'
import { brokerAddress } from './broker-address.ts'
import { BrokerLink } from './broker-link.ts'
import { BrokerOutlet } from './broker-outlet.ts'
import { BrokerSubscriptions } from './broker-subscriptions.ts'
import { connectOptions } from './connect-options.ts'
import { areOverlapping, coveringFilters } from './covering-filters.ts'
import { DuplicateFilter } from './duplicate-filter.ts'
import type { InboundSession } from './inbound-messages.ts'
import type { MqttClientOptions } from './options.ts'
import { connectionFailure } from './reason-codes.ts'

/** After a connection that lasted this long, delays begin short again. */
const STEADY_AFTER_MS = 30_000
/** How long `close` waits for receipts to go out, and then for the connection to end. */
const CLOSE_TIMEOUT_MS = 2000

export interface MqttClientSourceOptions {
  readonly options: MqttClientOptions
  /** All filters to subscribe to: the predefined topics and the configured inputs. */
  readonly filters: readonly string[]
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** In [0, 1): spreads delays. */
  readonly random: () => number
}

export class MqttClientSource implements Source {
  readonly name = 'mqttClient'
  readonly #options: MqttClientSourceOptions
  readonly #filters: readonly string[]
  readonly #outlet: BrokerOutlet
  readonly #session: InboundSession = { unreleased: new Map(), reportedCycle: -1 }
  #intake: Intake | undefined
  #link: BrokerLink | undefined
  #subscriptions: BrokerSubscriptions | undefined
  #retryTimer: Timer | undefined
  #attempt = 0
  #upSince = 0
  #isReady = false
  /** When `#isReady` changed last; milliseconds since 1970. */
  #since: number
  #problem: string | undefined = 'not connected yet'
  #hasFailed = false
  #stopped = false
  #closed = false

  constructor(options: MqttClientSourceOptions) {
    this.#options = options
    this.#since = options.clock.now()
    this.#filters = coveringFilters(options.filters)
    this.#outlet = new BrokerOutlet({
      source: this.name,
      options: options.options,
      observer: options.observer,
    })
  }

  get outlet(): ReceiptOutlet {
    return this.#outlet
  }

  get description(): string {
    const { url, shareGroup } = this.#options.options
    const shared = shareGroup === undefined ? '' : ` as one of the group ${shareGroup}`
    return `subscribes to ${this.#filters.join(', ')} on ${shownUrl(url)}${shared}`
  }

  get connectionState(): ConnectionState {
    const refusal = this.#link?.inbound.refusal
    const problem = refusal && `the broker keeps its messages: ${refusal.message}`
    return { isReady: this.#isReady, since: this.#since, problem: problem ?? this.#problem }
  }

  /**
   * @throws {ConnectorError} InvalidConfiguration if a file can't be read; never for the broker.
   */
  async start(intake: Intake): Promise<void> {
    if (this.#intake !== undefined || this.#closed) return
    await connectOptions(this.#options.options)
    this.#intake = intake
    intake.listen({
      committed: (cycle) => this.#committed(cycle),
      failed: (cycle, refusal) => this.#commitFailed(cycle, refusal),
    })
    this.#connect(intake)
  }

  /**
   * Messages that still come are neither taken nor acknowledged: a broker with a session for us
   * keeps them, and with a shared subscription it gives them to another member.
   */
  async stopIntake(): Promise<void> {
    this.#stopped = true
    this.#link?.inbound.stop()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#retryTimer?.cancel()
    this.#subscriptions?.stop()
    await this.#within(CLOSE_TIMEOUT_MS, this.#outlet.drained())
    this.#outlet.close()
    const link = this.#link
    if (link === undefined) return
    await this.#within(CLOSE_TIMEOUT_MS, link.close(false))
    await link.close(true)
  }

  #committed(cycle: number): void {
    this.#session.reportedCycle = cycle
    this.#link?.inbound.committed(cycle)
  }

  #commitFailed(cycle: number, refusal: Refusal): void {
    const { unreleased } = this.#session
    for (const [packetId, ofCycle] of unreleased) {
      // It was not stored: if the broker sends it again, take it again.
      if (ofCycle === cycle) unreleased.delete(packetId)
    }
    this.#session.reportedCycle = cycle
    this.#link?.inbound.failed(cycle, refusal)
  }

  #connect(intake: Intake): void {
    this.#open(intake).catch((thrown: unknown) => {
      this.#link = undefined
      this.#retry(asConnectorError(thrown, 'BrokerUnavailable', 'connecting to the broker'))
    })
  }

  async #open(intake: Intake): Promise<void> {
    const { options, clock, observer } = this.#options
    const [{ default: mqtt }, settings] = await Promise.all([
      import('mqtt'),
      connectOptions(options),
    ])
    if (this.#closed) return
    const link = new BrokerLink({
      connect: (url, options) => mqtt.connect({ ...brokerAddress(url), ...options }),
      settings,
      options,
      intake,
      clock,
      session: this.#session,
      withheld: ({ error, message }) => observer.messageWithheld(this.name, error, message),
      duplicates: this.#findsDuplicates ? new DuplicateFilter(this.#filters) : undefined,
      up: (client) => this.#up(client),
      down: (cause) => this.#down(cause),
    })
    if (this.#stopped) link.inbound.stop()
    this.#link = link
    link.open()
  }

  #up(client: MqttClient): void {
    const { options, clock, random } = this.#options
    this.#upSince = clock.monotonic()
    this.#problem = 'connected and not yet subscribed'
    this.#outlet.attach(client)
    this.#subscriptions = new BrokerSubscriptions({
      client,
      options,
      clock,
      random,
      filters: this.#filters,
      isIdentified: this.#findsDuplicates && mayIdentify(client),
      refused: (error, delayMs) => this.#failed(error, delayMs),
      complete: (weakened) => this.#subscribed(weakened),
    })
    void this.#subscriptions.subscribe()
  }

  /** With a share group, copies go to different members and can't be recognized. */
  get #findsDuplicates(): boolean {
    const { protocolVersion, shareGroup } = this.#options.options
    return protocolVersion === 5 && shareGroup === undefined && areOverlapping(this.#filters)
  }

  #down(cause: unknown): void {
    const { options, clock } = this.#options
    this.#link = undefined
    this.#subscriptions?.stop()
    this.#outlet.detach()
    if (this.#isReady && clock.monotonic() - this.#upSince >= STEADY_AFTER_MS) {
      this.#attempt = 0
    }
    this.#retry(connectionFailure(options.url, cause))
  }

  #retry(error: ConnectorError): void {
    if (this.#closed) return
    const { clock, random } = this.#options
    const delayMs = retryDelayMs(this.#attempt, random())
    this.#attempt += 1
    this.#retryTimer = clock.after(delayMs, () => {
      if (this.#intake !== undefined && !this.#closed) this.#connect(this.#intake)
    })
    this.#failed(error, delayMs)
  }

  #failed(error: ConnectorError, delayMs: number): void {
    this.#setReady(false)
    this.#problem = error.message
    this.#hasFailed = true
    this.#options.observer.sourceRetried(this.name, error, delayMs)
  }

  #subscribed(weakened: readonly string[]): void {
    this.#setReady(true)
    this.#problem =
      weakened.length === 0
        ? undefined
        : `the broker grants less than QoS ${this.#options.options.qos} for ${weakened.join(', ')}: ` +
          'messages lost on the way are not sent again'
    if (!this.#hasFailed) return
    this.#hasFailed = false
    this.#options.observer.sourceRecovered(this.name)
  }

  #setReady(isReady: boolean): void {
    if (isReady !== this.#isReady) this.#since = this.#options.clock.now()
    this.#isReady = isReady
  }

  async #within(timeoutMs: number, work: Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = this.#options.clock.after(timeoutMs, resolve)
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }
}

/** Whether the broker takes subscription identifiers (MQTT 5.0, section 3.2.2.3.12). */
function mayIdentify({ serverProperties }: MqttClient): boolean {
  return serverProperties?.subscriptionIdentifiersAvailable !== false
}
