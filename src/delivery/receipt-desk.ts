/**
 * Tells senders what became of their messages: on the specification's status topic, and on the
 * response topic of MQTT 5 senders that named one. Where nobody listens, a receipt costs nothing.
 */
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

export interface ReceiptDeskOptions {
  readonly topic: string
  readonly reports: StatusReports
}

/** A pack this large goes out at once, so that a long batch doesn't pile up receipts. */
const MAX_PACKED = 4096

export class ReceiptDesk implements ReceiptSink {
  readonly #options: ReceiptDeskOptions
  readonly #outlets: ReceiptOutlet[] = []
  readonly #pack = new ReceiptPack()
  #expectsReplies = false
  #flushesNext = false

  constructor(options: ReceiptDeskOptions) {
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

  successes(messages: readonly Message[]): void {
    if (this.#options.reports !== 'all') return
    const isListening = this.#hasListeners()
    for (const message of messages) {
      const { reply } = message
      if (reply !== undefined) this.#reply(reply, successReceipt(receiptIdOf(message)))
      if (!isListening) continue
      this.#pack.addSuccess(message)
      this.#flushWhenDue()
    }
  }

  failure(senderId: string | undefined, reply: ReplyTo | undefined, refusal: Refusal): void {
    if (this.#options.reports === 'none') return
    const isListening = this.#hasListeners()
    if (!isListening && reply === undefined) return
    this.#flushBeforeAcknowledgements()
    const receipt = failureReceipt(senderId, refusal)
    if (reply !== undefined) this.#reply(reply, receipt)
    if (!isListening) return
    this.#pack.add(receipt)
    this.#flushWhenDue()
  }

  /** Sends what is packed now rather than at the end of this turn; for the way out. */
  flush(): void {
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

  #flushWhenDue(): void {
    const { count } = this.#pack
    if (count === 1) setImmediate(() => this.flush())
    if (count >= MAX_PACKED) this.flush()
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
