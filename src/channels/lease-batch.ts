/** A lease in the making: what it holds so far, and what else it can take. */
import type { Message } from '../message.ts'

export class LeaseBatch {
  readonly messages: Message[] = []
  readonly #maxCount: number
  readonly #maxBytes: number
  #bytes = 0
  /** Kept only from the first message on whose sender chose its id: ours differ by themselves. */
  #ids: Set<string> | undefined

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
  }

  get countLeft(): number {
    return this.#maxCount - this.messages.length
  }

  get bytesLeft(): number {
    return this.#maxBytes - this.#bytes
  }

  get isFull(): boolean {
    return this.countLeft <= 0 || (this.#bytes > 0 && this.bytesLeft <= 0)
  }

  fits(message: Message): boolean {
    return this.messages.length === 0 || message.payload.length <= this.bytesLeft
  }

  /** False when a message with the same id is in the batch already. */
  add(message: Message): boolean {
    if (this.#ids === undefined && message.senderId) {
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
