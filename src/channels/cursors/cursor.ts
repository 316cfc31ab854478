/**
 * The position of one destination in one channel. A cursor leases messages in order, and each
 * leased message is settled: delivered, rejected, or kept. A kept message stays in its place, so it
 * is leased first next time.
 */
import { ConnectorError } from '../../errors.ts'
import type { Message, Refusal } from '../../message.ts'
import { SerialQueue } from '../../serial-queue.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import type { ArrivalTimes } from './arrival-times.ts'
import { BulkLeases } from './bulk-leases.ts'
import type { CursorPosition } from './cursor-position.ts'
import type { Expiry } from './expiry.ts'
import { LeaseBuilder } from './lease-builder.ts'
import { type CursorEvents, NOT_SELECTED, RunReader, type Selects } from './run-reader.ts'

/** Messages handed out, in order, at least one. */
export interface Lease {
  readonly messages: readonly Message[]
}

/** By index into `lease.messages`. A message in neither list was delivered. */
export interface Settlement {
  readonly rejected: readonly number[]
  /** To be leased again, in their old place. */
  readonly kept: readonly number[]
}

export interface LeaseOptions {
  /** Messages below stay where they are. Default: 0. */
  readonly from?: number
  /** A message whose `messageId` is in the lease already is dropped. Default: it is leased. */
  readonly hasDistinctIds?: boolean
  /** Messages for which it returns false are settled as `NotSelected`. Default: all are leased. */
  readonly selects?: Selects
  /**
   * The lease becomes the cursor's plan. While there is a plan, the lease is what is left of it,
   * whatever the limits say now, and nothing in it expires. Default: plans are ignored.
   */
  readonly isPlanned?: boolean
}

export interface CursorOptions {
  readonly name: string
  readonly log: ChannelLog
  readonly position: CursorPosition
  readonly arrivals: ArrivalTimes
  readonly events: CursorEvents
  readonly expiry: Expiry | undefined
}

/** How much of the log a search for expired messages reads at once. */
const SWEEP = { end: Number.POSITIVE_INFINITY, maxCount: 256, maxBytes: 1024 * 1024 }

const KEPT = 1
const REJECTED = 2

export class Cursor {
  /** The name of its destination. */
  readonly name: string
  /** The bookkeeping, for the channel; a destination's delivery uses `lease` and `settle`. */
  readonly position: CursorPosition
  /**
   * Called at most once per commit, if it made messages readable. Set by the user of the cursor.
   */
  onReadable: (() => void) | undefined
  readonly #options: CursorOptions
  readonly #log: ChannelLog
  readonly #arrivals: ArrivalTimes
  readonly #events: CursorEvents
  readonly #outstanding = new Set<Lease>()
  /** Leases of batches that are too large for memory. */
  readonly bulk: BulkLeases
  /** Leases and sweeps read the log one after the other. */
  readonly #reads = new SerialQueue()
  readonly #runs: RunReader

  constructor(options: CursorOptions) {
    this.#options = options
    this.name = options.name
    this.position = options.position
    this.#log = options.log
    this.#arrivals = options.arrivals
    this.#events = options.events
    this.#runs = new RunReader(options)
    this.bulk = new BulkLeases({ ...options, runs: this.#runs, reads: this.#reads })
  }

  /** Committed messages that are neither settled nor leased. */
  get waiting(): number {
    return this.position.waiting(this.#log.committed)
  }

  /** Roughly how many bytes wait: by the average size of the log's messages. */
  get waitingBytes(): number {
    const { start, end, bytes } = this.#log
    return end === start ? 0 : (bytes / (end - start)) * this.waiting
  }

  /** Messages leased, or being read for a lease, and not settled yet. */
  get inFlight(): number {
    return this.position.inFlight
  }

  /**
   * `receivedAt` of the oldest waiting message, or a time about one commit earlier; 0 if it is not
   * known (after a restart); undefined if nothing waits.
   */
  get oldestWaitingAt(): number | undefined {
    return this.waiting === 0 ? undefined : this.#arrivals.at(this.position.oldestFree)
  }

  /** The same of the oldest message that is not settled, in a batch or not. */
  get oldestUnsettledAt(): number | undefined {
    const { position } = this.position
    return position < this.#log.committed ? this.#arrivals.at(position) : undefined
  }

  /** Offsets below can be read. */
  get readableEnd(): number {
    return this.#log.committed
  }

  /**
   * The first run of waiting messages at or after `from`; bytes are estimated as in `waitingBytes`.
   */
  waitingFrom(from: number): { count: number; bytes: number; oldestAt: number } {
    const { start, end, bytes, committed } = this.#log
    const first = this.position.freeFrom(from)
    const count = first < committed ? this.position.freeUntil(first, committed) - first : 0
    const averageBytes = end === start ? 0 : bytes / (end - start)
    return { count, bytes: averageBytes * count, oldestAt: this.#arrivals.at(first) }
  }

  /**
   * Leases the oldest waiting messages: at most `maxCount` and, after the first, at most `maxBytes`
   * of payload. They count as in flight until they are settled. Undefined if nothing waits. Several
   * leases may be outstanding.
   *
   * @throws {ConnectorError} StorageFailed if the log can't be read now; then nothing is leased.
   */
  lease(
    maxCount: number,
    maxBytes: number,
    options: LeaseOptions = {},
  ): Promise<Lease | undefined> {
    return this.#reads.run(() => {
      const { hasDistinctIds = false, isPlanned = false } = options
      const isUnlimited = isPlanned && this.position.plan !== undefined
      const batch = isUnlimited
        ? new LeaseBuilder(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, false)
        : new LeaseBuilder(maxCount, maxBytes, hasDistinctIds)
      return this.#lease(batch, options)
    })
  }

  /**
   * Drops waiting messages that have expired, up to the first that has not.
   * @throws {ConnectorError} StorageFailed if the log can't be read now.
   */
  dropExpired(): Promise<void> {
    const { expiry } = this.#options
    if (expiry === undefined || this.waiting === 0) return Promise.resolve()
    // What is planned is sent as it was planned.
    if (this.position.plan !== undefined) return Promise.resolve()
    return this.#reads.run(() => this.#dropExpired(expiry))
  }

  /** Settles all waiting messages as `NotSelected`: the destination gets none of them. */
  skipWaiting(): void {
    const { committed } = this.#log
    const all = { from: 0, to: committed }
    if (this.position.dropAllFree(all, NOT_SELECTED, committed) > 0) this.#events.settled([])
  }

  /** Takes what became of each message of a lease. To be called once per lease. */
  settle(lease: Lease, settlement: Settlement): void {
    if (!this.#outstanding.delete(lease)) {
      throw new ConnectorError('Unexpected', `Cursor ${this.name}: a lease was settled twice`)
    }
    const { messages } = lease
    const fates = fatesOf(messages.length, settlement)
    let first = 0
    for (let index = 1; index <= messages.length; index += 1) {
      if (index < messages.length && fates?.[index] === fates?.[first]) {
        if (offsetAt(messages, index) === offsetAt(messages, index - 1) + 1) continue
      }
      this.#settleRun(
        offsetAt(messages, first),
        offsetAt(messages, index - 1) + 1,
        fates?.[first] ?? 0,
      )
      first = index
    }
    for (const index of settlement.rejected) {
      const message = messages[index]
      if (message !== undefined) this.#events.rejected(message)
    }
    this.position.advance(this.#log.committed)
    this.#events.settled(messages)
  }

  #settleRun(from: number, to: number, fate: number): void {
    if (fate === KEPT) this.position.release(from, to)
    else if (fate === REJECTED) this.position.reject(from, to)
    else this.position.deliver(from, to)
  }

  async #lease(batch: LeaseBuilder, options: LeaseOptions): Promise<Lease | undefined> {
    const { from: start = 0, selects, isPlanned = false } = options
    const plan = isPlanned ? this.position.plan : undefined
    const expiry = plan === undefined ? this.#options.expiry : undefined
    const deadline = expiry?.deadline ?? Number.NEGATIVE_INFINITY
    const end = plan?.to ?? Number.POSITIVE_INFINITY
    const take = (message: Message): boolean => {
      const mayExpire = expiry !== undefined && !(isPlanned && batch.messages.length > 0)
      if (mayExpire && message.receivedAt < deadline) this.#runs.drop(message, expiry.refusal)
      else if (selects !== undefined && !selects(message)) this.#runs.skip(message)
      else if (!batch.fits(message)) return false
      else if (!batch.add(message)) this.#runs.drop(message, this.#duplicateOf(message))
      return true
    }
    await this.#runs.whileReading(
      async () => {
        let goesOn = true
        while (goesOn && !batch.isFull) {
          const limits = { end, maxCount: batch.countLeft, maxBytes: batch.bytesLeft }
          goesOn = await this.#runs.read(start, limits, take)
          // All messages of the run were dropped: go on with the next run.
          if (batch.messages.length === 0) {
            goesOn = this.position.freeFrom(start) < Math.min(end, this.readableEnd)
          }
        }
      },
      () => batch.messages.length > 0,
    )
    const [first] = batch.messages
    if (first === undefined) return undefined
    this.#arrivals.noteFound(first.offset, first.receivedAt)
    const lease: Lease = { messages: batch.messages }
    this.#outstanding.add(lease)
    if (isPlanned && plan === undefined) {
      this.position.plan = { from: first.offset, to: offsetAt(lease.messages, -1) + 1 }
    }
    return lease
  }

  async #dropExpired({ deadline, refusal }: Expiry): Promise<void> {
    let goesOn = true
    const take = (message: Message): boolean => {
      goesOn = message.receivedAt < deadline
      if (goesOn) this.#runs.drop(message, refusal)
      return goesOn
    }
    await this.#runs.whileReading(async () => {
      while (goesOn && this.waiting > 0 && this.#arrivals.at(this.position.oldestFree) < deadline) {
        await this.#runs.read(0, SWEEP, take)
      }
    })
  }

  #duplicateOf({ messageId }: Message): Refusal {
    return {
      error: 'DuplicateMessageId',
      message: `The batch for channel ${this.#log.channel} already has a message with the id ${messageId}. Give each message its own id, or none.`,
    }
  }
}

function fatesOf(count: number, { rejected, kept }: Settlement): Uint8Array | undefined {
  if (rejected.length === 0 && kept.length === 0) return undefined
  const fates = new Uint8Array(count)
  for (const index of kept) fates[index] = KEPT
  for (const index of rejected) fates[index] = REJECTED
  return fates
}

function offsetAt(messages: readonly Message[], index: number): number {
  return messages.at(index)?.offset ?? -1
}
