/** Turns the outcome of a batch into one receipt per message. */
import type { BatchOutcome } from '../../destinations/destination.ts'
import { type Message, receiptIdOf } from '../../message.ts'
import type { ReceiptPublisher } from './receipt-publisher.ts'

export interface BatchReceipts {
  /** Whether anybody waits for receipts of delivered messages. */
  readonly isListening: boolean
  /** @param moreFollow whether the channel has more batches under way, or waiting to be sent */
  settled(messages: readonly Message[], outcome: BatchOutcome, moreFollow: boolean): void
  /** The destination's settings leave the message out. */
  leftOut(message: Message): void
}

/** For destinations whose outcomes don't decide on receipts. */
export const noReceipts: BatchReceipts = { isListening: false, settled() {}, leftOut() {} }

export class PrimaryReceipts implements BatchReceipts {
  readonly #receipts: ReceiptPublisher

  constructor(receipts: ReceiptPublisher) {
    this.#receipts = receipts
  }

  get isListening(): boolean {
    return this.#receipts.wantsSuccesses
  }

  settled(messages: readonly Message[], outcome: BatchOutcome, moreFollow: boolean): void {
    const receipts = this.#receipts
    for (const { index, refusal } of outcome.rejected) {
      const message = messages[index]
      if (message !== undefined) receipts.failure(receiptIdOf(message), message.reply, refusal)
    }
    receipts.successes(acceptedOf(messages, outcome), moreFollow)
  }

  /** Nothing is to be done with it, and nothing has failed. */
  leftOut(message: Message): void {
    this.#receipts.successes([message], true)
  }
}

/** For a destination that decides on the receipts of some messages. */
export class PartialReceipts implements BatchReceipts {
  readonly #receipts: PrimaryReceipts
  readonly #decides: (message: Message) => boolean

  constructor(receipts: PrimaryReceipts, decides: (message: Message) => boolean) {
    this.#receipts = receipts
    this.#decides = decides
  }

  get isListening(): boolean {
    return this.#receipts.isListening
  }

  settled(messages: readonly Message[], outcome: BatchOutcome, moreFollow: boolean): void {
    const rejected = outcome.rejected.filter(({ index }) => this.#isDecided(messages[index]))
    const others = messages.flatMap((message, index) => (this.#isDecided(message) ? [] : index))
    // Those that others decide on get no receipt here, as if they were kept.
    const kept = [...outcome.kept, ...others]
    this.#receipts.settled(messages, { rejected, kept }, moreFollow)
  }

  leftOut(message: Message): void {
    if (this.#decides(message)) this.#receipts.leftOut(message)
  }

  #isDecided(message: Message | undefined): boolean {
    return message !== undefined && this.#decides(message)
  }
}

function acceptedOf(
  messages: readonly Message[],
  { rejected, kept }: BatchOutcome,
): readonly Message[] {
  if (rejected.length + kept.length === 0) return messages
  const unaccepted = new Set(kept)
  for (const { index } of rejected) unaccepted.add(index)
  return messages.filter((_, index) => !unaccepted.has(index))
}
