/** Collects the messages of a lease up to its limits; if asked to, all with different ids. */
import { hasPackedId, type Message, payloadBytesOf } from '../../message.ts'

export class LeaseBuilder {
  readonly messages: Message[] = []
  readonly #maxCount: number
  readonly #maxBytes: number
  readonly #hasDistinctIds: boolean
  #bytes = 0
  /**
   * Hashes of the ids. They are kept from the first message on whose sender chose its id: generated
   * ids always differ.
   */
  #hashes: Set<number> | undefined
  /** The ids. They are kept from the first one on whose hash was already there. */
  #ids: Set<string> | undefined

  constructor(maxCount: number, maxBytes: number, hasDistinctIds: boolean) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
    this.#hasDistinctIds = hasDistinctIds
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
    return this.messages.length === 0 || payloadBytesOf(message) <= this.bytesLeft
  }

  /** False if ids must be distinct and a message with the same id is in the batch already. */
  add(message: Message): boolean {
    if (this.#hasDistinctIds && !this.#hasNewId(message)) return false
    this.messages.push(message)
    this.#bytes += payloadBytesOf(message)
    return true
  }

  #hasNewId(message: Message): boolean {
    if (this.#hashes === undefined) {
      if (!hasChosenId(message)) return true
      this.#hashes = new Set(this.messages.map(hashOfId))
    }
    const hash = hashOfId(message)
    if (this.#hashes.has(hash)) this.#ids ??= new Set(this.messages.map((one) => one.messageId))
    this.#hashes.add(hash)
    if (this.#ids === undefined) return true
    const { messageId } = message
    const isNew = !this.#ids.has(messageId)
    this.#ids.add(messageId)
    return isNew
  }
}

function hasChosenId(message: Message): boolean {
  return hasPackedId(message.packed) || Boolean(message.senderId)
}

/** A hash of the `messageId`, from its characters or from its bytes: both are the same ASCII. */
function hashOfId(message: Message): number {
  const { packed } = message
  let hash = 0
  if (hasPackedId(packed)) {
    const { bytes, idStart, idEnd } = packed
    for (let at = idStart; at < idEnd; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0
  } else {
    const id = message.messageId
    for (let at = 0; at < id.length; at++) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) | 0
  }
  return hash
}
