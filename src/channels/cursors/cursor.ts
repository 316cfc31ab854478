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
import type { CursorPosition } from './cursor-position.ts'
import type { Expiry } from './expiry.ts'
import { LeaseBuilder } from './lease-builder.ts'

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
  readonly selects?: ((message: Message) => boolean) | undefined
}

/** What a cursor reports to its channel. */
export interface CursorEvents {
  /** These messages are settled now; positions and counts have changed. */
  settled(messages: readonly Message[]): void
  /** The destination rejected the message. */
  rejected(message: Message): void
  /** A message was dropped when it was read: it is too old, or its id is already in the batch. */
  dropped(message: Message, refusal: Refusal): void
  /** Messages `from ≤ x < to` are damaged or gone. */
  foundDamage(from: number, to: number): void
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
const SWEEP_MESSAGES = 256
const SWEEP_BYTES = 1024 * 1024

/** In the ledger, for messages that the settings of a destination leave out. */
const NOT_SELECTED = 'NotSelected'

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
  /** Leases and sweeps read the log one after the other. */
  readonly #reads = new SerialQueue()

  constructor(options: CursorOptions) {
    this.#options = options
    this.name = options.name
    this.position = options.position
    this.#log = options.log
    this.#arrivals = options.arrivals
    this.#events = options.events
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
    const { from = 0, hasDistinctIds = false, selects } = options
    const batch = new LeaseBuilder(maxCount, maxBytes, hasDistinctIds)
    return this.#reads.run(() => this.#lease(batch, from, selects))
  }

  /**
   * Drops waiting messages that have expired, up to the first that has not.
   * @throws {ConnectorError} StorageFailed if the log can't be read now.
   */
  dropExpired(): Promise<void> {
    const { expiry } = this.#options
    if (expiry === undefined || this.waiting === 0) return Promise.resolve()
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

  async #lease(
    batch: LeaseBuilder,
    start: number,
    selects: LeaseOptions['selects'],
  ): Promise<Lease | undefined> {
    const expiry = this.#options.expiry
    const deadline = expiry?.deadline ?? Number.NEGATIVE_INFINITY
    const take = (message: Message): boolean => {
      if (expiry !== undefined && message.receivedAt < deadline) this.#drop(message, expiry.refusal)
      else if (selects !== undefined && !selects(message)) this.#skip(message)
      else if (!batch.fits(message)) return false
      else if (!batch.add(message)) this.#drop(message, this.#duplicateOf(message))
      return true
    }
    await this.#whileReading(async () => {
      let goesOn = true
      while (goesOn && !batch.isFull) {
        goesOn = await this.#readRun(start, batch.countLeft, batch.bytesLeft, take)
        // All messages of the run were dropped: go on with the next run.
        if (batch.messages.length === 0) goesOn = this.position.freeFrom(start) < this.readableEnd
      }
    }, batch)
    const [first] = batch.messages
    if (first === undefined) return undefined
    this.#arrivals.noteFound(first.offset, first.receivedAt)
    const lease: Lease = { messages: batch.messages }
    this.#outstanding.add(lease)
    return lease
  }

  async #dropExpired({ deadline, refusal }: Expiry): Promise<void> {
    let goesOn = true
    const take = (message: Message): boolean => {
      goesOn = message.receivedAt < deadline
      if (goesOn) this.#drop(message, refusal)
      return goesOn
    }
    await this.#whileReading(async () => {
      while (goesOn && this.waiting > 0 && this.#arrivals.at(this.position.oldestFree) < deadline) {
        await this.#readRun(0, SWEEP_MESSAGES, SWEEP_BYTES, take)
      }
    })
  }

  /**
   * Reports to the channel if messages were dropped. If the batch already holds messages, an error
   * of the log is ignored: the batch is sent, and the next lease meets the error again.
   */
  async #whileReading(read: () => Promise<void>, batch?: LeaseBuilder): Promise<void> {
    const settledBefore = this.position.settledCount
    try {
      await read()
    } catch (error) {
      if (batch === undefined || batch.messages.length === 0) throw error
    } finally {
      if (this.position.settledCount !== settledBefore) {
        this.position.advance(this.#log.committed)
        this.#events.settled([])
      }
    }
  }

  /**
   * Reads the first free run at or after `start` and offers its messages to `take` until that
   * refuses one. Messages that were taken are in flight or settled afterwards; the others are free
   * again. Returns true if the whole run was taken.
   */
  async #readRun(
    start: number,
    maxCount: number,
    maxBytes: number,
    take: (message: Message) => boolean,
  ): Promise<boolean> {
    const from = this.position.freeFrom(start)
    const to = this.position.freeUntil(from, Math.min(this.#log.committed, from + maxCount))
    if (from >= to) return false
    this.position.take(from, to)
    let next = from
    try {
      const messages = await this.#log.read(from, to - from, maxBytes)
      for (const message of messages) {
        this.#dropDamaged(next, Math.min(message.offset, to))
        next = Math.min(message.offset, to)
        if (next === to || !take(message)) break
        next += 1
      }
      if (messages.length === 0) {
        this.#dropDamaged(from, to)
        next = to
      }
    } finally {
      this.position.release(next, to)
    }
    return next === to
  }

  /** Its sender is not informed: for the connector as a whole the message is not lost. */
  #skip({ offset }: Message): void {
    this.position.dropTaken(offset, offset + 1, NOT_SELECTED)
  }

  #drop(message: Message, refusal: Refusal): void {
    this.position.dropTaken(message.offset, message.offset + 1, refusal.error)
    this.#events.dropped(message, refusal)
  }

  #dropDamaged(from: number, to: number): void {
    if (from >= to) return
    this.position.dropTaken(from, to, 'DataDamaged')
    this.#events.foundDamage(from, to)
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
  return messages[index]?.offset ?? -1
}
