/**
 * Keeps one filter subscribed on one connection.
 *
 *     subscribing ──▶ subscribed ──ended, or a probe is missing──▶ subscribing …
 *          │  ▲            └──── every minute, where no probe can be sent: renewed ────┐
 *          ▼  │                                                                        │
 *     refused: waits, longer each time       the new one answers, then the old one ends ┘
 */
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError, type ConnectorError } from '../../errors.ts'
import { retryDelayMs } from '../retry-delay.ts'
import type { Bus, NucleusConnection, OpenSubscription } from './nucleus-connection.ts'
import { Overlap } from './overlap.ts'
import { canBeProbed, isProbeTopic, Probe } from './probe.ts'

/** A dead subscription is replaced after these two at the latest, which is within 20 seconds. */
const PROBE_EVERY_MS = 15_000
const PROBE_ANSWER_MS = 2_000
const RENEW_EVERY_MS = 60_000
/** The nucleus writes both copies of a message one after the other. */
const OVERLAP_MS = 500

export interface FilterSubscriptionOptions {
  readonly bus: Bus
  readonly filter: string
  readonly connection: NucleusConnection
  readonly clock: Clock
  readonly random: () => number
  /** Each message once. */
  readonly onMessage: (topic: string | undefined, payload: Buffer) => void
  /** Messages come, or no longer. */
  readonly onSubscribed: (isSubscribed: boolean) => void
  readonly onRefused: (error: ConnectorError, delayMs: number) => void
  /** A subscription was dead, and is replaced. */
  readonly onDead: () => void
}

export class FilterSubscription {
  readonly #options: FilterSubscriptionOptions
  readonly #probe: Probe | undefined
  #mayProbe = true
  #open: (OpenSubscription & { readonly stream: number }) | undefined
  /** Number of the newest stream, which may not be open yet. */
  #newest = 0
  #overlap: Overlap | undefined
  #attempt = 0
  #timer: Timer | undefined
  #isStopped = false

  constructor(options: FilterSubscriptionOptions) {
    this.#options = options
    const { bus, filter, connection } = options
    const isProbed = connection.isLite && bus === 'local' && canBeProbed(filter)
    this.#probe = isProbed ? new Probe(filter) : undefined
  }

  start(): void {
    void this.#subscribe()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#open?.close()
    this.#open = undefined
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#openStream()
    } catch (thrown) {
      if (this.#isStopped) return
      this.#tryLater(asConnectorError(thrown, 'NucleusUnavailable', this.#options.filter))
      return
    }
    if (this.#isStopped) return
    this.#attempt = 0
    this.#options.onSubscribed(true)
    this.#watch()
  }

  /** Opens a stream that replaces the one before. */
  async #openStream(): Promise<void> {
    const { connection, bus, filter } = this.#options
    const stream = ++this.#newest
    const opened = await connection.subscribe(
      bus,
      filter,
      (topic, payload) => this.#received(stream, topic, payload),
      () => this.#ended(stream),
    )
    const before = this.#open
    this.#open = { stream, close: () => opened.close() }
    before?.close()
    if (this.#isStopped) this.stop()
  }

  #received(stream: number, topic: string | undefined, payload: Buffer): void {
    if (this.#isStopped) return
    if (topic !== undefined && isProbeTopic(topic)) {
      if (topic === this.#probe?.topic) this.#probe.received(payload)
      return
    }
    const side = stream === this.#newest ? 'new' : 'old'
    if (topic !== undefined && this.#overlap?.isCopy(side, topic, payload) === true) return
    this.#options.onMessage(topic, payload)
  }

  #ended(stream: number): void {
    if (this.#isStopped || stream !== this.#open?.stream) return
    this.#open = undefined
    this.#options.onSubscribed(false)
    this.#after(retryDelayMs(0, this.#options.random()), () => this.#subscribe())
  }

  #tryLater(error: ConnectorError): void {
    const { random, onRefused, onSubscribed } = this.#options
    const delayMs = retryDelayMs(this.#attempt++, random())
    onSubscribed(this.#open !== undefined)
    onRefused(error, delayMs)
    this.#after(delayMs, () => this.#subscribe())
  }

  #watch(): void {
    if (!this.#options.connection.isLite) return
    if (this.#probe !== undefined && this.#mayProbe) {
      const probe = this.#probe
      this.#after(PROBE_EVERY_MS, () => this.#sendProbe(probe))
    } else {
      this.#after(RENEW_EVERY_MS, () => this.#renew())
    }
  }

  async #sendProbe(probe: Probe): Promise<void> {
    try {
      await this.#options.connection.publish('local', probe.topic, probe.next())
    } catch (thrown) {
      // Without the permission to publish there, the subscription is renewed instead.
      if (asConnectorError(thrown, 'NucleusUnavailable', '').code === 'NucleusRefused') {
        this.#mayProbe = false
      }
      this.#watch()
      return
    }
    this.#after(PROBE_ANSWER_MS, () => this.#judge(probe))
  }

  async #judge(probe: Probe): Promise<void> {
    if (!probe.isMissing) return this.#watch()
    this.#open?.close()
    this.#open = undefined
    this.#options.onSubscribed(false)
    this.#options.onDead()
    await this.#subscribe()
  }

  async #renew(): Promise<void> {
    this.#overlap = new Overlap()
    await this.#subscribe()
    const overlap = this.#overlap
    this.#options.clock.after(OVERLAP_MS, () => {
      if (this.#overlap === overlap) this.#overlap = undefined
    })
  }

  #after(ms: number, then: () => void | Promise<void>): void {
    this.#timer?.cancel()
    if (this.#isStopped) return
    this.#timer = this.#options.clock.after(ms, () => void then())
  }
}
