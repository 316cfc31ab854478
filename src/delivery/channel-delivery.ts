/**
 * Takes one channel's messages to one destination: waits until a batch is due, leases it, sends it,
 * settles what came back, gives the receipts; after a failure waits by the retry schedule.
 *
 *            ┌──────────── nothing waits ────────────┐
 *            ▼                                       │
 *     ┌──▶ idle ──readable──▶ waiting ──due──▶ sending ──failed──▶ backing off
 *     │                          ▲                │                     │
 *     └── settled, all gone ─────┴── more waits ──┘◀────── delay over ──┘
 */
import type { Channel } from '../channels/channel.ts'
import type { Cursor, Lease } from '../channels/cursor.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Batch, BatchOutcome, Destination } from '../destinations/destination.ts'
import { asConnectorError, ConnectorError } from '../errors.ts'
import type { PipelineObserver } from '../observer.ts'
import { type BatchRule, untilBatchDueMs } from './batch-due.ts'
import type { BatchReceipts } from './batch-receipts.ts'
import type { RetrySchedule } from './retry-schedule.ts'

export interface ChannelDeliveryOptions {
  readonly channel: Channel
  readonly cursor: Cursor
  readonly destination: Destination
  readonly rule: BatchRule
  /** Batches that may be under way at once. 1 keeps the order even when one has to be sent again. */
  readonly maxInFlightBatches: number
  readonly retries: RetrySchedule
  readonly receipts: BatchReceipts
  readonly observer: PipelineObserver
  readonly clock: Clock
  readonly signal: AbortSignal
}

export class ChannelDelivery {
  readonly #options: ChannelDeliveryOptions
  readonly #cursor: Cursor
  #isStarted = false
  #isDraining = false
  #sending = 0
  #timer: Timer | undefined
  #isBackingOff = false
  #failure: ConnectorError | undefined
  #onSettled: (() => void) | undefined

  constructor(options: ChannelDeliveryOptions) {
    this.#options = options
    this.#cursor = options.cursor
  }

  /** Why the last batch, or part of it, has to be sent again; undefined while all goes well. */
  get failure(): ConnectorError | undefined {
    return this.#failure
  }

  start(): void {
    this.#isStarted = true
    this.#cursor.onReadable = () => this.#schedule()
    this.#schedule()
  }

  /**
   * From now on every waiting message is due. Resolves when none waits or is under way, or when
   * sending failed and `untilFailure` is set; the caller puts a limit on the time.
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

  /** No batch is begun any more; those under way are ended by `signal`. */
  stop(): void {
    this.#isStarted = false
    this.#cursor.onReadable = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Resolves when no batch is under way. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled = () => {
        if (this.#sending === 0) resolve()
      }
      this.#onSettled()
    })
  }

  #schedule(): void {
    if (!this.#isStarted || this.#isBackingOff) return
    if (this.#sending >= this.#options.maxInFlightBatches) return
    const delayMs = this.#untilDueMs()
    if (delayMs === undefined) return
    if (delayMs === 0) {
      this.#timer?.cancel()
      this.#timer = undefined
      this.#sending++
      void this.#sendNext()
      return
    }
    // The oldest waiting message decides, and it stays the oldest: a running timer is right.
    this.#timer ??= this.#options.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#schedule()
    })
  }

  #untilDueMs(): number | undefined {
    const { rule, clock } = this.#options
    const cursor = this.#cursor
    const waiting = {
      count: cursor.waiting,
      bytes: cursor.waitingBytes,
      oldestAt: cursor.oldestWaitingAt,
    }
    const delayMs = untilBatchDueMs(waiting, rule, clock.now())
    return delayMs !== undefined && this.#isDraining ? 0 : delayMs
  }

  async #sendNext(): Promise<void> {
    let failure: ConnectorError | undefined
    try {
      failure = await this.#sendBatch()
    } catch (error) {
      failure = asConnectorError(error, 'Unexpected', `delivering channel ${this.#name}`)
    }
    this.#sending--
    if (failure !== undefined) this.#backOff(failure)
    this.#schedule()
    this.#onSettled?.()
  }

  /** Sends what is next. Returns why it, or part of it, has to be sent again. */
  async #sendBatch(): Promise<ConnectorError | undefined> {
    const { rule, clock, observer, destination, signal } = this.#options
    const lease = await this.#cursor.lease(rule.maxMessages, rule.maxBytes)
    if (lease === undefined) return undefined
    const startedAt = clock.monotonic()
    const batch: Batch = { channel: this.#name, messages: lease.messages }
    try {
      const outcome = await destination.send(batch, signal)
      const count = lease.messages.length
      observer.batchSent(this.#name, destination.name, count, clock.monotonic() - startedAt)
      return this.#settle(lease, outcome)
    } catch (error) {
      const failure = asConnectorError(
        error,
        'DestinationUnavailable',
        `sending to ${destination.name}`,
      )
      return this.#settleFailed(lease, failure)
    }
  }

  #settle(lease: Lease, outcome: BatchOutcome): ConnectorError | undefined {
    this.#cursor.settle(lease, {
      rejected: outcome.rejected.map((rejection) => rejection.index),
      kept: outcome.kept,
    })
    this.#options.receipts.settled(lease.messages, outcome)
    this.#reportRejections(outcome)
    if (outcome.kept.length > 0) return keptError(outcome.kept.length, this.#options.destination)
    if (this.#failure !== undefined) {
      this.#failure = undefined
      this.#options.retries.succeeded()
      this.#options.observer.destinationRecovered(this.#name, this.#options.destination.name)
    }
    return undefined
  }

  /** A whole batch that was not taken: kept in its place, or, if it never will be, refused. */
  #settleFailed(lease: Lease, failure: ConnectorError): ConnectorError | undefined {
    const all = lease.messages.map((_, index) => index)
    if (failure.effect !== 'reject') {
      this.#cursor.settle(lease, { rejected: [], kept: all })
      return failure
    }
    const refusal = { error: failure.code, message: failure.message }
    return this.#settle(lease, { rejected: all.map((index) => ({ index, refusal })), kept: [] })
  }

  #reportRejections(outcome: BatchOutcome): void {
    if (outcome.rejected.length === 0) return
    const counts = new Map<string, number>()
    for (const { refusal } of outcome.rejected) {
      counts.set(refusal.error, (counts.get(refusal.error) ?? 0) + 1)
    }
    for (const [error, count] of counts) {
      this.#options.observer.messagesRejected(
        this.#name,
        this.#options.destination.name,
        count,
        error,
      )
    }
  }

  #backOff(failure: ConnectorError): void {
    const { retries, observer, destination, clock } = this.#options
    const delayMs = retries.nextDelayMs()
    this.#failure = failure
    observer.batchRetried(this.#name, destination.name, failure, delayMs)
    this.#isBackingOff = true
    this.#timer?.cancel()
    this.#timer = clock.after(delayMs, () => {
      this.#timer = undefined
      this.#isBackingOff = false
      this.#schedule()
    })
  }

  get #name(): string {
    return this.#options.channel.name
  }
}

function keptError(count: number, destination: Destination): ConnectorError {
  return new ConnectorError(
    'DestinationUnavailable',
    `${destination.name} put off ${count} messages of a batch`,
  )
}
