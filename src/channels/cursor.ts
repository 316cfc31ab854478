/**
 * One reader of one channel. A cursor leases messages in order and settles each one; what is kept
 * goes back to its old place and is leased first next time.
 */
import { ConnectorError } from '../errors.ts'
import type { Message, Refusal } from '../message.ts'
import type { ArrivalMarks } from './arrival-marks.ts'
import type { ChannelLog } from './channel-log.ts'
import type { CursorPosition } from './cursor-position.ts'

/** Messages handed to a reader, in order, at least one, all `messageId`s different. */
export interface Lease {
  readonly messages: readonly Message[]
}

/** By index into `lease.messages`. A message in neither list was delivered. */
export interface Settlement {
  readonly rejected: readonly number[]
  /** To be leased again, in their old place. */
  readonly kept: readonly number[]
}

/** What a cursor tells its channel. */
export interface CursorEvents {
  /** These messages are settled now; positions and counts have changed. */
  settled(messages: readonly Message[]): void
  /** A message read for a lease was dropped instead: another with its id is in the same batch. */
  droppedDuplicate(cursor: Cursor, message: Message, refusal: Refusal): void
  /** Messages `from ≤ x < to` can't be read any more. */
  foundDamage(from: number, to: number): void
}

export interface CursorOptions {
  readonly reader: string
  readonly log: ChannelLog
  readonly position: CursorPosition
  readonly marks: ArrivalMarks
  readonly events: CursorEvents
}

const KEPT = 1
const REJECTED = 2

export class Cursor {
  readonly reader: string
  /** The bookkeeping. For the channel; readers use `lease` and `settle`. */
  readonly position: CursorPosition
  /** Called at most once per commit when more became readable. Set by whoever reads. */
  onReadable: (() => void) | undefined
  readonly #log: ChannelLog
  readonly #marks: ArrivalMarks
  readonly #events: CursorEvents
  readonly #outstanding = new Set<Lease>()
  /** Settles when the lease being read is done: leases are read one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: CursorOptions) {
    this.reader = options.reader
    this.position = options.position
    this.#log = options.log
    this.#marks = options.marks
    this.#events = options.events
  }

  /** Committed messages that are neither settled nor leased. */
  get waiting(): number {
    return this.position.waiting(this.#log.committed)
  }

  /** Roughly how many bytes wait: by the average of what the log holds, so that nobody has to count. */
  get waitingBytes(): number {
    const { start, end, bytes } = this.#log
    return end === start ? 0 : (bytes / (end - start)) * this.waiting
  }

  /** Messages leased, or being read for a lease, and not settled yet. */
  get inFlight(): number {
    return this.position.inFlight
  }

  /**
   * `receivedAt` of the oldest waiting message, or a time about one commit older; 0 when it is not
   * known (after a restart); undefined when nothing waits.
   */
  get oldestWaitingAt(): number | undefined {
    return this.waiting === 0 ? undefined : this.#marks.at(this.position.oldestFree)
  }

  /**
   * The oldest waiting messages, at most `maxCount` and, after the first, at most `maxBytes` of
   * payload. They count as in flight until they are settled. Undefined when nothing waits. Several
   * leases may be outstanding.
   *
   * @throws {ConnectorError} StorageFailed when the log can't be read now; nothing is leased then.
   */
  lease(maxCount: number, maxBytes: number): Promise<Lease | undefined> {
    const lease = this.#turn.then(() => this.#lease(maxCount, maxBytes))
    this.#turn = lease.catch(() => undefined)
    return lease
  }

  /** Says what became of each message of a lease. Once per lease. */
  settle(lease: Lease, settlement: Settlement): void {
    if (!this.#outstanding.delete(lease)) {
      throw new ConnectorError('Unexpected', `Cursor ${this.reader}: a lease was settled twice`)
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
    this.position.advance(this.#log.committed)
    this.#events.settled(messages)
  }

  #settleRun(from: number, to: number, fate: number): void {
    if (fate === KEPT) this.position.putBack(from, to)
    else if (fate === REJECTED) this.position.reject(from, to)
    else this.position.deliver(from, to)
  }

  async #lease(maxCount: number, maxBytes: number): Promise<Lease | undefined> {
    const batch = new BatchBeingRead(maxCount, maxBytes)
    while (!batch.isFull) {
      const from = this.position.oldestFree
      const to = this.position.freeUntil(
        from,
        Math.min(this.#log.committed, from + maxCount - batch.messages.length),
      )
      if (from >= to) break
      const isRunDone = await this.#readRun(from, to, batch)
      if (!isRunDone) break
    }
    if (batch.dropped > 0) {
      this.position.advance(this.#log.committed)
      this.#events.settled([])
    }
    if (batch.messages.length === 0) return undefined
    const lease: Lease = { messages: batch.messages }
    this.#outstanding.add(lease)
    return lease
  }

  /** Reads what the batch can take of a free run. False when the batch ends within the run. */
  async #readRun(from: number, to: number, batch: BatchBeingRead): Promise<boolean> {
    this.position.take(from, to)
    let messages: readonly Message[]
    try {
      messages = await this.#log.read(from, to - from, batch.bytesLeft)
    } catch (error) {
      this.position.putBack(from, to)
      if (batch.messages.length > 0) return false
      throw error
    }
    let next = from
    for (const message of messages) {
      const end = Math.min(message.offset, to)
      if (end > next) this.#dropDamaged(next, end, batch)
      next = end
      if (message.offset >= to) return true
      if (!batch.fits(message)) break
      next = message.offset + 1
      this.#add(message, batch)
    }
    if (messages.length === 0) {
      this.#dropDamaged(from, to, batch)
      return true
    }
    this.position.putBack(next, to)
    return next === to
  }

  #add(message: Message, batch: BatchBeingRead): void {
    if (batch.add(message)) return
    batch.dropped += 1
    this.position.dropTaken(message.offset, message.offset + 1, 'DuplicateMessageId')
    this.#events.droppedDuplicate(this, message, {
      error: 'DuplicateMessageId',
      message: `Another message with the id ${message.messageId} is in the same batch for channel ${this.#log.channel}. Give each message its own id, or none.`,
    })
  }

  #dropDamaged(from: number, to: number, batch: BatchBeingRead): void {
    batch.dropped += to - from
    this.position.dropTaken(from, to, 'DataDamaged')
    this.#events.foundDamage(from, to)
  }
}

/** A lease in the making, with its bounds. */
class BatchBeingRead {
  readonly messages: Message[] = []
  /** How many of what was read didn't come into the batch, and never will. */
  dropped = 0
  readonly #maxCount: number
  readonly #maxBytes: number
  #bytes = 0
  /** Kept only from the first message on whose sender chose its id: ours differ by themselves. */
  #ids: Set<string> | undefined

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
  }

  get isFull(): boolean {
    return this.messages.length >= this.#maxCount || (this.#bytes > 0 && this.bytesLeft <= 0)
  }

  get bytesLeft(): number {
    return this.#maxBytes - this.#bytes
  }

  fits(message: Message): boolean {
    return this.messages.length === 0 || message.payload.length <= this.bytesLeft
  }

  /** False when a message with the same id is in the batch already. */
  add(message: Message): boolean {
    if (this.#ids === undefined && message.senderId !== undefined) {
      this.#ids = new Set(this.messages.map((earlier) => earlier.messageId))
    }
    if (this.#ids !== undefined) {
      if (this.#ids.has(message.messageId)) return false
      this.#ids.add(message.messageId)
    }
    this.messages.push(message)
    this.#bytes += message.payload.length
    return true
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
