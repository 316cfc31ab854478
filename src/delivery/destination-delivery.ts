/**
 * The deliveries of all channels to one destination: they are opened, drained and ended together.
 */

import type { Channel } from '../channels/channel.ts'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Destination } from '../destinations/destination.ts'
import { asConnectorError, type ConnectorError } from '../errors.ts'
import type { PipelineObserver } from '../observer.ts'
import { counted } from '../units.ts'
import { AnswerRecord } from './batches/answer-record.ts'
import { AttemptTrail } from './batches/attempt-trail.ts'
import type { LogNotes } from './batches/log-notes.ts'
import type { CatchUpOrder } from './catch-up.ts'
import { ChannelDelivery } from './channel-delivery.ts'
import { RateCap, type RateCapOptions } from './rate-cap.ts'
import { type BatchReceipts, noReceipts } from './receipts/batch-receipts.ts'
import { PROBE_MS, RecoveryProbe } from './recovery-probe.ts'
import { RetrySchedule, type RetryState } from './retry-schedule.ts'
import { type SelectionOptions, selectsChannel } from './selection.ts'

export interface DestinationDeliveryOptions {
  readonly destination: Destination
  readonly channels: ChannelSet
  readonly maxInFlightBatches: number
  readonly catchUp?: RateCapOptions & { readonly order: CatchUpOrder }
  /** Default: the destination gets every message. */
  readonly selection?: SelectionOptions
  /** Of the messages of a channel. */
  readonly receipts: (channel: string) => BatchReceipts
  /** Default: logs live as long as the process, so none can have been restored. */
  readonly logNotes?: LogNotes | undefined
  readonly observer: PipelineObserver
  readonly clock: Clock
  readonly random: () => number
}

/** How a destination is doing. Times are milliseconds since 1970. */
export interface DestinationState {
  readonly name: string
  /** `retrying`: at least one channel waits for its next attempt. */
  readonly state: 'working' | 'retrying' | 'unopened'
  /** When it accepted a message last, since the start. */
  readonly lastSuccessAt: number | undefined
  readonly lastRejectedAt: number | undefined
  /** Messages it rejected since it accepted one last. */
  readonly rejectedInARow: number
  /** When the oldest message that is not delivered arrived; undefined if none waits. */
  readonly oldestWaitingAt: number | undefined
  /** When the earliest batch was sent that has no result yet. */
  readonly unansweredSince: number | undefined
  /** Since when it fails; undefined while it works. */
  readonly since: number | undefined
  /** Failed attempts since then, over all channels. */
  readonly attempts: number
  /** The next attempt of any channel; undefined if one is under way or not needed. */
  readonly nextAttemptAt: number | undefined
  /** The latest error of the channel that has failed longest. */
  readonly error: ConnectorError | undefined
  /** The channels that wait for a retry, the one that has failed longest first. */
  readonly channels: readonly RetryState[]
}

/** Messages are read only for the receipts of those that are left out. */
const NOTHING: SelectionOptions = { topics: { include: [] } }

/** A failure to open the destination. */
interface Unopened {
  readonly error: ConnectorError
  readonly since: number
  readonly attempts: number
  readonly nextAttemptAt: number
  readonly timer: Timer
}

export class DestinationDelivery {
  readonly #options: DestinationDeliveryOptions
  /** The last attempts to send batches. */
  readonly trail = new AttemptTrail()
  readonly #answers = new AnswerRecord()
  readonly #cap: RateCap
  readonly #deliveries: ChannelDelivery[] = []
  readonly #abort = new AbortController()
  readonly #probe: RecoveryProbe
  readonly #openRetries: RetrySchedule
  #isOpen = false
  #isOpening = false
  #unopened: Unopened | undefined
  #isStopped = false

  constructor(options: DestinationDeliveryOptions) {
    this.#options = options
    this.#cap = new RateCap(options.catchUp ?? {}, options.clock)
    this.#probe = new RecoveryProbe(this.#deliveries, options.clock, options.random)
    this.#openRetries = this.#retries()
  }

  get destination(): Destination {
    return this.#options.destination
  }

  /** Why messages are not delivered, as a sentence for the operator. */
  get problem(): string | undefined {
    const { destination } = this.#options
    if (this.#unopened !== undefined) {
      return `${destination.name} can't be opened: ${this.#unopened.error.message}`
    }
    const failing = this.#failing()
    const [first] = failing
    if (first === undefined) return undefined
    return `${destination.name} doesn’t take messages of ${counted(failing.length, 'channel')}: ${first.error.message}`
  }

  get state(): DestinationState {
    const common = this.#commonState
    if (this.#unopened !== undefined) {
      const { error, since, attempts, nextAttemptAt } = this.#unopened
      const about = { ...common, since, attempts, nextAttemptAt, error }
      return { ...about, state: 'unopened', channels: [] }
    }
    const failing = this.#failing()
    const [first] = failing
    return {
      ...common,
      state: first === undefined ? 'working' : 'retrying',
      since: first?.since,
      attempts: failing.reduce((sum, { attempts }) => sum + attempts, 0),
      nextAttemptAt: this.#nextAttemptAt(failing),
      error: first?.error,
      channels: failing,
    }
  }

  get #commonState() {
    const { destination, clock } = this.#options
    const { lastAcceptedAt, lastRejectedAt, rejectedInARow, unansweredSince } = this.#answers
    const agoMs = unansweredSince === undefined ? undefined : clock.monotonic() - unansweredSince
    return {
      name: destination.name,
      lastSuccessAt: lastAcceptedAt,
      lastRejectedAt,
      rejectedInARow,
      oldestWaitingAt: this.#oldestWaitingAt,
      unansweredSince: agoMs === undefined ? undefined : clock.now() - agoMs,
    }
  }

  /** After a start, a channel whose first batch was not read yet does not count. */
  get #oldestWaitingAt(): number | undefined {
    let oldest = Number.POSITIVE_INFINITY
    for (const { oldestAt } of this.#deliveries) {
      if (oldestAt !== undefined && oldestAt > 0 && oldestAt < oldest) oldest = oldestAt
    }
    return Number.isFinite(oldest) ? oldest : undefined
  }

  /**
   * Makes the next attempt now, for one channel or for all that wait for one. Returns the number of
   * channels that waited; a destination that is not open counts as one.
   */
  retryNow(channel?: string): number {
    if (this.#isStopped) return 0
    if (!this.#isOpen) {
      this.#unopened?.timer.cancel()
      void this.#open()
      return 1
    }
    let retried = 0
    for (const delivery of this.#deliveries) {
      if (channel !== undefined && delivery.channel !== channel) continue
      if (delivery.retryNow()) retried += 1
    }
    return retried
  }

  /**
   * Begins to deliver. If the destination can't be opened yet, it is tried again in the background.
   */
  start(): void {
    this.#options.channels.onChannel((channel) => this.#add(channel))
    void this.#open()
  }

  /** Sends all waiting messages. Resolves when they are sent; the caller limits the time. */
  async drain(untilFailure: boolean): Promise<void> {
    if (!this.#isOpen) return
    await Promise.all(this.#deliveries.map((delivery) => delivery.drain(untilFailure)))
  }

  /** Ends all batches under way; their messages stay in the log. */
  async close(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#unopened?.timer.cancel()
    this.#probe.close()
    for (const delivery of this.#deliveries) delivery.stop()
    this.#abort.abort()
    await Promise.all(this.#deliveries.map((delivery) => delivery.ended()))
    await this.#options.destination.close()
  }

  async #open(): Promise<void> {
    if (this.#isOpening) return
    this.#isOpening = true
    const { destination } = this.#options
    try {
      await destination.open()
    } catch (error) {
      if (this.#isStopped) return
      this.#openFailed(
        asConnectorError(error, 'DestinationUnavailable', `opening ${destination.name}`),
      )
      return
    } finally {
      this.#isOpening = false
    }
    this.#isOpen = true
    this.#unopened = undefined
    if (this.#isStopped) return
    for (const delivery of this.#deliveries) delivery.start()
  }

  #openFailed(error: ConnectorError): void {
    const { destination, observer, clock } = this.#options
    const delayMs = this.#openRetries.nextDelayMs()
    const { since = clock.now(), attempts = 0 } = this.#unopened ?? {}
    const nextAttemptAt = clock.now() + delayMs
    const timer = clock.after(delayMs, () => void this.#open())
    this.#unopened = { error, since, attempts: attempts + 1, nextAttemptAt, timer }
    observer.batchRetried('', destination.name, error, delayMs)
  }

  /** The one that has failed longest first. */
  #failing(): RetryState[] {
    return this.#deliveries
      .flatMap((delivery) => delivery.retry ?? [])
      .sort((one, other) => one.since - other.since)
  }

  #nextAttemptAt(failing: readonly RetryState[]): number | undefined {
    const times = failing.map(({ nextAttemptAt }) => nextAttemptAt ?? Number.POSITIVE_INFINITY)
    const next = Math.min(this.#probe.nextAt ?? Number.POSITIVE_INFINITY, ...times)
    return failing.length > 0 && Number.isFinite(next) ? next : undefined
  }

  #add(channel: Channel): void {
    const { destination, channels, catchUp, selection = {}, ...rest } = this.#options
    const cursor = channel.cursor(destination.name)
    const receipts = this.#options.receipts(channel.name)
    const isSelected = selectsChannel(selection, channel.name)
    if (!isSelected && receipts === noReceipts) {
      cursor.onReadable = () => cursor.skipWaiting()
      cursor.skipWaiting()
      return
    }
    const delivery = new ChannelDelivery({
      ...rest,
      destination,
      channel,
      cursor,
      receipts,
      selection: isSelected ? selection : NOTHING,
      order: catchUp?.order ?? 'backlog-first',
      cap: this.#cap,
      trail: this.trail,
      answers: this.#answers,
      deadLetters: channels.deadLetters,
      retries: this.#retries(),
      outcomes: this.#probe,
      signal: this.#abort.signal,
    })
    this.#deliveries.push(delivery)
    if (this.#isOpen && !this.#isStopped) delivery.start()
  }

  #retries(): RetrySchedule {
    return new RetrySchedule({
      firstMs: Math.min(this.#options.destination.batchRule.intervalMs, PROBE_MS),
      random: this.#options.random,
    })
  }
}
