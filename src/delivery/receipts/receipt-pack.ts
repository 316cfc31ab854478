/**
 * Receipts back to back in one buffer, as `PackedPayloads` defines them. The buffer is filled,
 * published once per turn of the event loop, and filled again. It grows to the size that a busy
 * turn needs.
 */
import { hasPackedId, type Message, receiptIdOf } from '../../message.ts'
import type { PackedPayloads } from '../../sources/source.ts'
import { AFTER_ID, BEFORE_ID, successReceipt } from './receipt-format.ts'

const FIRST_BYTES = 16 * 1024
const FIRST_COUNT = 256
/** A buffer that has grown larger than this is not kept. */
const KEPT_BYTES = 1024 * 1024

export class ReceiptPack {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #ends = new Uint32Array(FIRST_COUNT)
  #count = 0
  #end = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#end
  }

  add(receipt: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#makeRoom(receipt.length * 3)
    this.#end += this.#bytes.write(receipt, this.#end)
    this.#ends[this.#count++] = this.#end
  }

  /**
   * Adds the receipt of a delivered message. If the id is available as bytes, no string is made.
   */
  addSuccess(message: Message): void {
    const { packed } = message
    if (!hasPackedId(packed)) {
      this.add(successReceipt(receiptIdOf(message)))
      return
    }
    const { bytes, idStart, idEnd } = packed
    this.#makeRoom(BEFORE_ID.length + idEnd - idStart + AFTER_ID.length)
    const target = this.#bytes
    let end = this.#end
    for (let at = 0; at < BEFORE_ID.length; at++) target[end++] = BEFORE_ID[at] ?? 0
    for (let at = idStart; at < idEnd; at++) target[end++] = bytes[at] ?? 0
    for (let at = 0; at < AFTER_ID.length; at++) target[end++] = AFTER_ID[at] ?? 0
    this.#end = end
    this.#ends[this.#count++] = end
  }

  /** The receipts added since `clear`; valid until the next `add`. */
  view(): PackedPayloads {
    return { count: this.#count, bytes: this.#bytes.subarray(0, this.#end), ends: this.#ends }
  }

  clear(): void {
    this.#count = 0
    this.#end = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(FIRST_BYTES)
  }

  #makeRoom(most: number): void {
    if (this.#end + most > this.#bytes.length) this.#growBytes(most)
    if (this.#count === this.#ends.length) this.#growEnds()
  }

  #growBytes(most: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + most))
    this.#bytes.copy(larger, 0, 0, this.#end)
    this.#bytes = larger
  }

  #growEnds(): void {
    const larger = new Uint32Array(this.#ends.length * 2)
    larger.set(this.#ends)
    this.#ends = larger
  }
}
