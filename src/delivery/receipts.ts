/**
 * Tells senders what became of their messages: on the specification's status topic, and on the
 * response topic of MQTT 5 senders that named one. Where nobody listens, a receipt costs nothing.
 */
import type { Clock, Timer } from '../clock.ts'
import {
  type Message,
  type ReceiptSink,
  type Refusal,
  type ReplyTo,
  receiptIdOf,
} from '../message.ts'
import type { ReceiptOutlet } from '../sources/source.ts'
import { failureReceipt, successReceipt } from './receipt-format.ts'
import { ReceiptPack } from './receipt-pack.ts'

/** `StatusReports`: which receipts are given at all. */
export type StatusReports = 'all' | 'failures' | 'none'

export interface ReceiptPublisherOptions {
  readonly topic: string
  readonly reports: StatusReports
  readonly clock: Clock
}

/** A pack this large goes out at once, so that a long batch doesn't pile up receipts. */
const MAX_PACKED = 4096
/** Receipts wait so long for those of the next batches: with small batches a write for each is expensive. */
const COLLECT_MS = 1

export class ReceiptPublisher implements ReceiptSink {
  readonly #options: ReceiptPublisherOptions
  readonly #outlets: ReceiptOutlet[] = []
  readonly #pack = new ReceiptPack()
  #expectsReplies = false
  #flushesNext = false
  #flushesThisTurn = false
  #collecting: Timer | undefined

  constructor(options: ReceiptPublisherOptions) {
    this.#options = options
  }

  /** Receipts go out here too from now on. */
  addOutlet(outlet: ReceiptOutlet): void {
    this.#outlets.push(outlet)
  }

  /** Whether anybody may want to know of successes: a listener, or a sender with a response topic. */
  get wantsSuccesses(): boolean {
    return this.#options.reports === 'all' && (this.#expectsReplies || this.#hasListeners())
  }

  expectReply(): void {
    this.#expectsReplies = true
  }

  /** @param moreFollow whether other batches are under way, so that these receipts may wait for theirs */
  successes(messages: readonly Message[], moreFollow = false): void {
    if (this.#options.reports !== 'all') return
    const isListening = this.#hasListeners()
    for (const message of messages) {
      const { reply } = message
      if (reply !== undefined) this.#reply(reply, successReceipt(receiptIdOf(message)))
      if (isListening) this.#pack.addSuccess(message)
    }
    if (this.#pack.count >= MAX_PACKED) this.flush()
    else if (moreFollow) this.#flushWithLater()
    else this.#flushThisTurn()
  }

  failure(senderId: string | undefined, reply: ReplyTo | undefined, refusal: Refusal): void {
    if (this.#options.reports === 'none') return
    const isListening = this.#hasListeners()
    if (!isListening && reply === undefined) return
    this.#flushBeforeAcknowledgements()
    const receipt = failureReceipt(senderId, refusal)
    if (reply !== undefined) this.#reply(reply, receipt)
    if (isListening) this.#pack.add(receipt)
    if (this.#pack.count >= MAX_PACKED) this.flush()
  }

  /** Sends what is packed now rather than when it is due; for the way out. */
  flush(): void {
    this.#collecting?.cancel()
    this.#collecting = undefined
    if (this.#pack.count === 0) return
    const receipts = this.#pack.view()
    for (const outlet of this.#outlets) {
      if (outlet.hasListeners(this.#options.topic)) outlet.publish(this.#options.topic, receipts)
    }
    this.#pack.clear()
  }

  #reply(to: ReplyTo, receipt: string): void {
    // The sender may be on any of them: which one is not kept with the message over restarts.
    const payload = Buffer.from(receipt)
    for (const outlet of this.#outlets) outlet.reply(to, payload)
  }

  #flushThisTurn(): void {
    if (this.#flushesThisTurn || this.#pack.count === 0) return
    this.#flushesThisTurn = true
    setImmediate(() => {
      this.#flushesThisTurn = false
      this.flush()
    })
  }

  #flushWithLater(): void {
    if (this.#collecting !== undefined || this.#pack.count === 0) return
    this.#collecting = this.#options.clock.after(COLLECT_MS, () => this.flush())
  }

  /**
   * A refused message is acknowledged all the same, and then nothing but its receipt says so: that
   * has to leave first, or a crash in between would make it one that was taken and lost. Sources
   * write acknowledgements at the end of the tick in which they come up, after this was called.
   */
  #flushBeforeAcknowledgements(): void {
    if (this.#flushesNext) return
    this.#flushesNext = true
    process.nextTick(() => {
      this.#flushesNext = false
      this.flush()
    })
  }

  #hasListeners(): boolean {
    for (const outlet of this.#outlets) {
      if (outlet.hasListeners(this.#options.topic)) return true
    }
    return false
  }
}
