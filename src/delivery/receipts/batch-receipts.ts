/** Turns the outcome of a batch into one receipt per message. */
import type { BatchOutcome } from '../../destinations/destination.ts'
import { type Message, receiptIdOf } from '../../message.ts'
import type { ReceiptPublisher } from './receipt-publisher.ts'

export interface BatchReceipts {
  /** Whether anybody waits for receipts of delivered messages. */
  readonly isListening: boolean
  /** @param moreFollow whether the channel has more batches under way, or waiting to be sent */
  settled(messages: readonly Message[], outcome: BatchOutcome, moreFollow: boolean): void
}

/** For all destinations but the primary, whose outcome alone decides on receipts. */
export const noReceipts: BatchReceipts = { isListening: false, settled() {} }

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
