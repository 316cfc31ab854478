/**
 * Publishes receipts, which say what became of a message: on the specification's status topic, and
 * on the response topic if an MQTT 5 sender named one. A receipt that no client subscribes to is
 * not built.
 */
import type { Clock, Timer } from '../../clock.ts'
import {
  type Message,
  type ReceiptSink,
  type Refusal,
  type ReplyTo,
  receiptIdOf,
} from '../../message.ts'
import type { ReceiptOutlet } from '../../sources/source.ts'
import { failureReceipt, successReceipt } from './receipt-format.ts'
import { ReceiptPack } from './receipt-pack.ts'

/** `StatusReports`: which receipts are published. */
export type StatusReports = 'all' | 'failures' | 'none'

export interface ReceiptPublisherOptions {
  readonly topic: string
  readonly reports: StatusReports
  readonly clock: Clock
}

/**
 * A pack with this number of receipts goes out at once, so that a long batch does not hold them up.
 */
const MAX_PACKED = 4096
/** The same of its bytes: a receipt carries its sender's id, which may be long. */
const MAX_PACKED_BYTES = 1024 * 1024
/**
 * How long receipts wait for those of later batches: with small batches, one write each is
 * expensive.
 */
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

  /** Publishes receipts here too from now on. */
  addOutlet(outlet: ReceiptOutlet): void {
    this.#outlets.push(outlet)
  }

  /**
   * Whether a receipt of a success may be wanted: by a subscriber, or a sender with a response
   * topic.
   */
  get wantsSuccesses(): boolean {
    return this.#options.reports === 'all' && (this.#expectsReplies || this.#hasListeners())
  }

  expectReply(): void {
    this.#expectsReplies = true
  }

  /**
   * @param moreFollow whether other batches are under way: then these receipts may wait for theirs
   */
  successes(messages: readonly Message[], moreFollow = false): void {
    if (this.#options.reports !== 'all') return
    const isListening = this.#hasListeners()
    for (const message of messages) {
      const { reply } = message
      if (reply !== undefined) this.#reply(reply, successReceipt(receiptIdOf(message)))
      if (!isListening) continue
      this.#pack.addSuccess(message)
      if (this.#pack.bytes >= MAX_PACKED_BYTES) this.flush()
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
    if (this.#pack.count >= MAX_PACKED || this.#pack.bytes >= MAX_PACKED_BYTES) this.flush()
  }

  /** Publishes the pack now instead of when it is due; for the stop. */
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
    // The sender may be connected to any of them: messages do not keep which one it was.
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
   * A refused message may still be acknowledged, and then only its receipt says that it was
   * refused. So the receipt must leave first: after a crash in between, the sender would believe
   * that the message was taken. Sources write acknowledgements at the end of the tick in which they
   * arise, which is later.
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
