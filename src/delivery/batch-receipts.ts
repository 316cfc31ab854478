/** Turns what became of a batch into one receipt per message. */
import type { BatchOutcome } from '../destinations/destination.ts'
import { type Message, receiptIdOf } from '../message.ts'
import type { ReceiptDesk } from './receipt-desk.ts'

export interface BatchReceipts {
  settled(messages: readonly Message[], outcome: BatchOutcome): void
}

/** The primary destination's result makes the receipt; the others' deliveries get this. */
export const noReceipts: BatchReceipts = { settled() {} }

export class PrimaryReceipts implements BatchReceipts {
  readonly #desk: ReceiptDesk

  constructor(desk: ReceiptDesk) {
    this.#desk = desk
  }

  settled(messages: readonly Message[], outcome: BatchOutcome): void {
    const desk = this.#desk
    for (const { index, refusal } of outcome.rejected) {
      const message = messages[index]
      if (message !== undefined) desk.failure(receiptIdOf(message), message.reply, refusal)
    }
    if (outcome.rejected.length + outcome.kept.length === 0) {
      for (const message of messages) desk.success(receiptIdOf(message), message.reply)
      return
    }
    const unaccepted = new Set(outcome.kept)
    for (const { index } of outcome.rejected) unaccepted.add(index)
    for (const [index, message] of messages.entries()) {
      if (!unaccepted.has(index)) desk.success(receiptIdOf(message), message.reply)
    }
  }
}
