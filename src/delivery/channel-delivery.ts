/**
 * Delivers one channel's messages to one destination: waits until a batch is due, leases it, sends
 * it, settles its messages by the outcome, and gives the receipts. After a failure it backs off by
 * the retry schedule.
 *
 *            ┌──────────── nothing waits ────────────┐
 *            ▼                                       │
 *     ┌──▶ idle ──readable──▶ waiting ──due──▶ sending ──failed──▶ backing off
 *     │                          ▲                │                     │
 *     └── settled, all gone ─────┴── more waits ──┘◀── delay over, ─────┘
 *                                                      or not needed
 */
import type { Channel } from '../channels/channel.ts'
import type { Cursor, Lease, LeaseOptions } from '../channels/cursors/cursor.ts'
import type { DeadLetters } from '../channels/dead-letters/dead-letters.ts'
import type { Clock, Timer } from '../clock.ts'
import {
  type BatchOutcome,
  type BatchRule,
  type Destination,
  isSpooling,
} from '../destinations/destination.ts'
import { asConnectorError, type ConnectorError } from '../errors.ts'
import { payloadBytesOf } from '../message.ts'
import type { PipelineObserver } from '../observer.ts'
import type { AnswerRecord } from './batches/answer-record.ts'
import type { AttemptTrail } from './batches/attempt-trail.ts'
import { untilBatchDueMs, type WaitingMessages } from './batches/batch-due.ts'
import { endOf, isOwnFailure, keptError } from './batches/batch-ends.ts'
import { storePlan } from './batches/batch-plan.ts'
import { BatchSender, type BatchSenderOptions } from './batches/batch-sender.ts'
import { FieldSelection } from './batches/field-selection.ts'
import { reportAges } from './batches/message-ages.ts'
import { Rejections } from './batches/rejections.ts'
import { SpooledBatches } from './batches/spooled-batches.ts'
import { CatchUp, type CatchUpOrder } from './catch-up.ts'
import type { BatchSize, RateCap, Reservation } from './rate-cap.ts'
import type { BatchReceipts } from './receipts/batch-receipts.ts'
import type { DeliveryOutcomes, ProbedDelivery } from './recovery-probe.ts'
import type { RetrySchedule, RetryState, Trouble } from './retry-schedule.ts'
import { Selection, type SelectionOptions } from './selection.ts'

export interface ChannelDeliveryOptions extends Pick<BatchSenderOptions, 'logNotes'> {
  readonly channel: Channel
  readonly cursor: Cursor
  readonly destination: Destination
  /** Batches under way at once. 1 keeps the order even if a batch must be sent again. */
  readonly maxInFlightBatches: number
  readonly order: CatchUpOrder
  /** Which of the channel's messages the destination gets. */
  readonly selection: SelectionOptions
  /** The rate cap of the destination, shared by all channels. */
  readonly cap: RateCap
  readonly trail: AttemptTrail
  readonly answers: AnswerRecord
  readonly deadLetters: DeadLetters | undefined
  readonly retries: RetrySchedule
  readonly receipts: BatchReceipts
  /** Is informed whether batches get through. */
  readonly outcomes: DeliveryOutcomes
  readonly observer: PipelineObserver
  readonly clock: Clock
  readonly signal: AbortSignal
}

export class ChannelDelivery implements ProbedDelivery {
  readonly #options: ChannelDeliveryOptions
  readonly #cursor: Cursor
  readonly #catchUp: CatchUp
  readonly #rejections: Rejections
  readonly #sender: BatchSender
  readonly #selection: Selection | undefined
  /** If the destination's batches are too large for memory. */
  readonly #spooled: SpooledBatches | undefined
  #isStarted = false
  #isDraining = false
  #sending = 0
  #timer: Timer | undefined
  #isBackingOff = false
  #failure: ConnectorError | undefined
  #trouble: Trouble | undefined
  #onSettled: (() => void) | undefined

  constructor(options: ChannelDeliveryOptions) {
    this.#options = options
    this.#cursor = options.cursor
    this.#catchUp = new CatchUp(options.cursor, options.order)
    this.#rejections = new Rejections(options)
    const fields = FieldSelection.of(options.selection.fields)
    this.#sender = new BatchSender({ ...options, fields, log: options.channel.log })
    this.#selection = Selection.of(options.selection)
    const { destination } = options
    if (isSpooling(destination))
      this.#spooled = new SpooledBatches({ ...options, fields, destination })
  }

  get channel(): string {
    return this.#options.channel.name
  }

  /** Why the last batch, or part of it, must be sent again; undefined while all is well. */
  get failure(): ConnectorError | undefined {
    return this.#failure
  }

  /** What is known of the failure; undefined while all is well, and if nothing waits any more. */
  get retry(): RetryState | undefined {
    const error = this.#failure
    const trouble = this.#trouble
    const waiting = this.#cursor.waiting + this.#cursor.inFlight
    if (error === undefined || trouble === undefined || waiting === 0) return undefined
    const { since, attempts, dueAt } = trouble
    const leftMs = Math.max(0, dueAt - this.#options.clock.monotonic())
    const nextAttemptAt = this.#isBackingOff ? this.#options.clock.now() + leftMs : undefined
    return { channel: this.channel, error, since, attempts, nextAttemptAt, waiting }
  }

  /** `receivedAt` of its oldest message; 0 if that is not known; undefined if there is none. */
  get oldestAt(): number | undefined {
    return this.#cursor.oldestUnsettledAt
  }

  retryNow(): boolean {
    if (!this.#isStarted || !this.#isBackingOff) return false
    this.#endBackOff()
    return true
  }

  probe(): boolean {
    if (!this.#isStarted || !this.#isBackingOff || this.#sending > 0) return false
    if (this.#cursor.waiting === 0) return false
    this.#sending++
    void this.#sendNext(undefined, true)
    return true
  }

  start(): void {
    this.#isStarted = true
    this.#catchUp.begin()
    this.#cursor.onReadable = () => this.#schedule()
    this.#schedule()
  }

  /**
   * Makes every waiting message due from now on. Resolves when no message waits or is under way,
   * or, if `untilFailure` is set, when sending has failed. The caller limits the time.
   */
  drain(untilFailure: boolean): Promise<void> {
    this.#isDraining = true
    return new Promise((resolve) => {
      this.#onSettled = () => {
        const isDone = this.#cursor.waiting === 0 || (untilFailure && this.#failure !== undefined)
        if (this.#sending === 0 && isDone) resolve()
      }
      this.#schedule()
      this.#onSettled()
    })
  }

  /** Sends no further batch; `signal` ends those under way. */
  stop(): void {
    this.#isStarted = false
    this.#cursor.onReadable = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Resolves when no batch is under way. */
  async ended(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onSettled = () => {
        if (this.#sending === 0) resolve()
      }
      this.#onSettled()
    })
    await this.#spooled?.close()
  }

  #schedule(): void {
    if (!this.#isStarted || this.#isBackingOff) return
    if (this.#sending >= this.#options.maxInFlightBatches) return
    const delayMs = this.#untilDueMs(this.#waiting())
    if (delayMs === undefined) return
    if (delayMs > 0) {
      // The oldest waiting message decides, and it stays the oldest: a running timer remains right.
      this.#timer ??= this.#scheduleAfter(delayMs)
      return
    }
    this.#timer?.cancel()
    this.#timer = undefined
    const { cap } = this.#options
    const cappedMs = cap.isSet ? cap.untilMs(this.#expected()) : 0
    if (cappedMs > 0) {
      this.#timer = this.#scheduleAfter(cappedMs)
      return
    }
    this.#sending++
    void this.#sendNext(cap.isSet ? this.#reserve() : undefined, false)
  }

  #scheduleAfter(delayMs: number): Timer {
    return this.#options.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#schedule()
    })
  }

  #waiting(): WaitingMessages {
    const { waiting, waitingBytes, oldestWaitingAt } = this.#cursor
    return { count: waiting, bytes: waitingBytes, oldestAt: oldestWaitingAt }
  }

  #untilDueMs(waiting: WaitingMessages): number | undefined {
    const delayMs = untilBatchDueMs(waiting, this.#rule, this.#options.clock.now())
    return delayMs !== undefined && this.#isDraining ? 0 : delayMs
  }

  /** The expected size of the next batch, by the average size of the log's messages. */
  #expected(): BatchSize {
    const { maxMessages, maxBytes } = this.#rule
    const { waiting, waitingBytes } = this.#cursor
    const messages = Math.min(maxMessages, waiting)
    return { messages, bytes: Math.min(maxBytes, (waitingBytes / waiting) * messages) }
  }

  #reserve(): Reservation {
    const { maxMessages, maxBytes } = this.#rule
    return this.#options.cap.reserve(this.#expected(), { messages: maxMessages, bytes: maxBytes })
  }

  async #sendNext(reservation: Reservation | undefined, isProbe: boolean): Promise<void> {
    let failure: ConnectorError | undefined
    try {
      failure = await this.#sendBatch(reservation, isProbe ? 1 : this.#rule.maxMessages)
    } catch (error) {
      failure = asConnectorError(error, 'Unexpected', `delivering channel ${this.channel}`)
    }
    this.#sending--
    if (failure !== undefined) this.#failed(failure, isProbe)
    else if (isProbe && this.#failure === undefined) this.retryNow()
    this.#schedule()
    this.#onSettled?.()
  }

  /** Sends the next batch. Returns why it, or part of it, must be sent again. */
  async #sendBatch(
    reservation: Reservation | undefined,
    maxMessages: number,
  ): Promise<ConnectorError | undefined> {
    const { clock, observer, destination, answers } = this.#options
    if (this.#spooled !== undefined) return await this.#sendSpooled(this.#spooled, reservation)
    const lease = await this.#lease(reservation, maxMessages)
    if (lease === undefined) return undefined
    if (this.#rule.isPlanned === true) await storePlan(lease, this.#options)
    // A backlog brings no further events: each batch under way starts the next, up to the limit.
    this.#schedule()
    const at = clock.now()
    const startedAt = clock.monotonic()
    const channel = this.channel
    const { messages } = lease
    const batch = answers.began(startedAt)
    try {
      const outcome = await this.#sender.send(messages)
      const durationMs = clock.monotonic() - startedAt
      const [first] = messages
      observer.batchSent(channel, destination.name, messages.length, durationMs, first?.receivedAt)
      this.#options.trail.note({ channel, messages, at, durationMs, end: outcome })
      return this.#settle(lease, outcome)
    } catch (error) {
      const doing = `sending to ${destination.name}`
      const failure = asConnectorError(error, 'DestinationUnavailable', doing)
      const durationMs = clock.monotonic() - startedAt
      const end = endOf(failure, lease)
      this.#options.trail.note({ channel, messages, at, durationMs, end })
      return this.#settleFailed(lease, failure)
    } finally {
      answers.ended(batch)
    }
  }

  async #sendSpooled(
    spooled: SpooledBatches,
    reservation: Reservation | undefined,
  ): Promise<ConnectorError | undefined> {
    const { messages, bytes } = reservation?.limit ?? {}
    const { maxMessages, maxBytes } = this.#rule
    const limits = { maxMessages: messages ?? maxMessages, maxBytes: bytes ?? maxBytes }
    const sent = await spooled.sendNext(limits, this.#leaseOptions(0).selects)
    const { cap } = this.#options
    if (reservation !== undefined) cap.correct(reservation, sent ?? { messages: 0, bytes: 0 })
    if (sent !== undefined && sent.failure === undefined) this.#succeeded()
    return sent?.failure
  }

  #lease(reservation: Reservation | undefined, maxMessages: number): Promise<Lease | undefined> {
    const from = this.#catchUp.nextFrom((waiting) => this.#untilDueMs(waiting) === 0)
    if (reservation !== undefined) return this.#leaseReserved(reservation, from)
    return this.#cursor.lease(maxMessages, this.#rule.maxBytes, this.#leaseOptions(from))
  }

  async #leaseReserved(reservation: Reservation, from: number): Promise<Lease | undefined> {
    const { cap } = this.#options
    const { messages: maxMessages, bytes: maxBytes } = reservation.limit
    const lease = await this.#cursor.lease(maxMessages, maxBytes, this.#leaseOptions(from))
    const messages = lease?.messages ?? []
    const bytes = messages.reduce((sum, message) => sum + payloadBytesOf(message), 0)
    cap.correct(reservation, { messages: messages.length, bytes })
    return lease
  }

  #leaseOptions(from: number): LeaseOptions {
    const { hasDistinctIds, isPlanned = false } = this.#rule
    // A planned batch must not depend on the batches before: after a crash nobody knows them.
    const selection = isPlanned ? Selection.of(this.#options.selection) : this.#selection
    const selects = selection?.reporting((message) => this.#options.receipts.leftOut(message))
    return { from, hasDistinctIds, selects, isPlanned }
  }

  #settle(lease: Lease, outcome: BatchOutcome): ConnectorError | undefined {
    this.#rejections.take(lease.messages, outcome)
    this.#cursor.settle(lease, {
      rejected: outcome.rejected.map((rejection) => rejection.index),
      kept: outcome.kept,
    })
    const { answers, clock, destination } = this.#options
    const rejected = outcome.rejected.length
    const accepted = lease.messages.length - rejected - outcome.kept.length
    answers.answered(clock.now(), accepted, rejected)
    const moreFollow = this.#sending > 1 || this.#cursor.waiting > 0
    this.#options.receipts.settled(lease.messages, outcome, moreFollow)
    // A key or a shard that is throttled must not delay the others more each time.
    if (accepted > 0) this.#options.retries.succeeded()
    reportAges(lease.messages, outcome, this.#options)
    if (outcome.kept.length > 0) return keptError(outcome, destination)
    this.#succeeded()
    return undefined
  }

  #succeeded(): void {
    const hadFailed = this.#failure !== undefined
    if (hadFailed) this.#recovered()
    this.#options.outcomes.succeeded(hadFailed)
  }

  /** A failed call: the whole batch is kept in its place, or, if it can never succeed, rejected. */
  #settleFailed(lease: Lease, failure: ConnectorError): ConnectorError | undefined {
    const end = endOf(failure, lease)
    if (!('error' in end)) return this.#settle(lease, end)
    this.#cursor.settle(lease, { rejected: [], kept: lease.messages.map((_, index) => index) })
    return failure
  }

  #recovered(): void {
    const { retries, observer, destination, clock } = this.#options
    const { sinceMonotonic = clock.monotonic(), attempts = 0 } = this.#trouble ?? {}
    this.#failure = undefined
    this.#trouble = undefined
    retries.succeeded()
    observer.destinationRecovered(this.channel, destination.name, {
      awayMs: Math.round(clock.monotonic() - sinceMonotonic),
      attempts,
      waiting: this.#cursor.waiting,
    })
  }

  #failed(failure: ConnectorError, isProbe: boolean): void {
    const { observer, destination, clock, outcomes } = this.#options
    const now = clock.monotonic()
    this.#failure = failure
    this.#trouble ??= { since: clock.now(), sinceMonotonic: now, attempts: 0, dueAt: now }
    this.#trouble.attempts += 1
    // A probe leaves the time of the next attempt as it was.
    if (!isProbe || !this.#isBackingOff) this.#backOff(this.#trouble)
    const delayMs = Math.max(0, this.#trouble.dueAt - now)
    observer.batchRetried(this.channel, destination.name, failure, delayMs)
    if (!isOwnFailure(failure)) outcomes.failed()
  }

  #backOff(trouble: Trouble): void {
    const { retries, clock } = this.#options
    const delayMs = retries.nextDelayMs()
    trouble.dueAt = clock.monotonic() + delayMs
    this.#isBackingOff = true
    this.#timer?.cancel()
    this.#timer = clock.after(delayMs, () => this.#endBackOff())
  }

  #endBackOff(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isBackingOff = false
    this.#catchUp.begin()
    this.#schedule()
  }

  get #rule(): BatchRule {
    return this.#options.destination.batchRule
  }
}
