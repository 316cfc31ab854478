/**
 * Leases of batches that are too large for memory: their messages go to a sink, run by run, and a
 * lease remembers the offsets alone. Such a batch is planned (`CursorPosition.plan`).
 */
import { type Message, payloadBytesOf } from '../../message.ts'
import type { SerialQueue } from '../../serial-queue.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { OffsetRanges } from '../log/offset-ranges.ts'
import type { CursorPosition } from './cursor-position.ts'
import type { Expiry } from './expiry.ts'
import type { CursorEvents, RunReader, Selects } from './run-reader.ts'

/** Where the messages of a bulk lease go. */
export interface MessageSink {
  /** Takes the message, or returns false if the batch ends before it. */
  take(message: Message): boolean
  /** Called after every run of messages. */
  flush(): Promise<void>
}

export interface BulkLimits {
  readonly maxMessages: number
  /** Payload bytes. */
  readonly maxBytes: number
}

export class BulkLease {
  readonly ranges = new OffsetRanges()
  #from = 0
  #to = 0
  #bytes = 0

  /** The first offset. */
  get from(): number {
    return this.#from
  }

  /** The offset after the last one. */
  get to(): number {
    return this.#to
  }

  get count(): number {
    return this.ranges.size
  }

  /** Payload bytes. */
  get bytes(): number {
    return this.#bytes
  }

  hasRoomFor(message: Message, { maxMessages, maxBytes }: BulkLimits): boolean {
    if (this.count === 0) return true
    return this.count < maxMessages && this.#bytes + payloadBytesOf(message) <= maxBytes
  }

  add(message: Message): void {
    const { offset } = message
    if (this.count === 0) this.#from = offset
    this.#to = offset + 1
    this.#bytes += payloadBytesOf(message)
    this.ranges.add(offset, offset + 1)
  }
}

export interface BulkLeasesOptions {
  readonly log: ChannelLog
  readonly position: CursorPosition
  readonly events: CursorEvents
  readonly expiry: Expiry | undefined
  readonly runs: RunReader
  /** Leases and sweeps read the log one after the other. */
  readonly reads: SerialQueue
}

/** How much is read at once. */
const RUN_MESSAGES = 8192
const RUN_BYTES = 1024 * 1024
/** A sink encodes up to this many messages without a pause, which takes a few milliseconds. */
const PAUSE_AFTER = 1024

export class BulkLeases {
  readonly #options: BulkLeasesOptions

  constructor(options: BulkLeasesOptions) {
    this.#options = options
  }

  /**
   * Leases the plan, or, if there is none, the oldest waiting messages up to the limits, or until the
   * sink takes no more. Undefined if nothing waits.
   * @throws {ConnectorError} what the sink throws, or StorageFailed; then nothing is leased.
   */
  lease(sink: MessageSink, limits: BulkLimits, selects: Selects): Promise<BulkLease | undefined> {
    return this.#options.reads.run(() => this.#lease(sink, limits, selects))
  }

  /** Leases again what was settled as kept. What was dropped meanwhile leaves the lease. */
  leaseAgain(lease: BulkLease): void {
    const { position } = this.#options
    const given = Array.from(lease.ranges, ({ from, to }) => ({ from, to }))
    for (const { from, to } of given) {
      for (let next = from; next < to; ) {
        const free = Math.min(position.freeFrom(next), to)
        const end = free < to ? position.freeUntil(free, to) : to
        lease.ranges.delete(next, free)
        position.take(free, end)
        next = end
      }
    }
  }

  /** All messages of the lease were delivered, or all are kept: then they can be leased again. */
  settle(lease: BulkLease, isDelivered: boolean): void {
    const { position, log, events } = this.#options
    for (const { from, to } of lease.ranges) {
      if (isDelivered) position.deliver(from, to)
      else position.release(from, to)
    }
    position.advance(log.committed)
    events.settled([])
  }

  async #lease(
    sink: MessageSink,
    limits: BulkLimits,
    selects: Selects,
  ): Promise<BulkLease | undefined> {
    const { position, runs } = this.#options
    const { plan } = position
    const expiry = plan === undefined ? this.#options.expiry : undefined
    const deadline = expiry?.deadline ?? Number.NEGATIVE_INFINITY
    const end = plan?.to ?? Number.POSITIVE_INFINITY
    const lease = new BulkLease()
    let goesOn = true
    const take = (message: Message): boolean => {
      const mayExpire = expiry !== undefined && lease.count === 0
      const hasRoom = plan !== undefined || lease.hasRoomFor(message, limits)
      if (mayExpire && message.receivedAt < deadline) runs.drop(message, expiry.refusal)
      else if (selects !== undefined && !selects(message)) runs.skip(message)
      else if (hasRoom && sink.take(message)) lease.add(message)
      else goesOn = false
      return goesOn
    }
    const run = { end, maxCount: RUN_MESSAGES, maxBytes: RUN_BYTES, pauseAfter: PAUSE_AFTER }
    try {
      await runs.whileReading(async () => {
        while (goesOn) {
          await runs.read(0, run, take)
          await sink.flush()
          goesOn = goesOn && runs.hasMore(0, end)
        }
      })
    } catch (error) {
      this.settle(lease, false)
      throw error
    }
    if (lease.count === 0) return undefined
    position.plan ??= { from: lease.from, to: lease.to }
    return lease
  }
}
