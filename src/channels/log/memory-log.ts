/**
 * A channel's log in memory: a ring of messages. A commit costs nothing and can't fail; a restart
 * loses all messages. Memory is given back message by message.
 *
 *     slots (a power of two)      offset → slot: offset & (slots − 1)
 *     ┌───┬───┬───┬───┬───┬───┬───┬───┐
 *     │ 8 │ 9 │ · │ · │ 4 │ 5 │ · │ 7 │   start = 4, end = 10; 6 was removed
 *     └───┴───┴───┴───┴───┴───┴───┴───┘
 */
import { type Draft, fitsAsMessageId, generatedMessageId, type Message } from '../../message.ts'
import type { ChannelLog, ChannelState, OffsetRange } from './channel-log.ts'
import { draftBytes, type MemoryBudget } from './memory-budget.ts'

const SMALLEST_RING = 16
const NO_DAMAGE: readonly OffsetRange[] = Object.freeze([])

interface Slot {
  readonly message: Message
  readonly bytes: number
}

export interface MemoryLogOptions {
  readonly channel: string
  readonly id: string
  readonly budget: MemoryBudget
  /** Released messages stay readable until `forgetOldest` removes them. */
  readonly keepsHistory: boolean
}

export class MemoryLog implements ChannelLog {
  readonly channel: string
  readonly id: string
  readonly isVolatile = true
  readonly damaged = NO_DAMAGE
  readonly #budget: MemoryBudget
  readonly #keepsHistory: boolean
  #slots: (Slot | undefined)[] = new Array(SMALLEST_RING).fill(undefined)
  #start = 0
  #released = 0
  #committed = 0
  #end = 0
  #bytes = 0
  #state: ChannelState | undefined

  constructor(options: MemoryLogOptions) {
    this.channel = options.channel
    this.id = options.id
    this.#budget = options.budget
    this.#keepsHistory = options.keepsHistory
  }

  get start(): number {
    return this.#start
  }

  get committed(): number {
    return this.#committed
  }

  get end(): number {
    return this.#end
  }

  get bytes(): number {
    return this.#bytes
  }

  get memoryBytes(): number {
    return this.#bytes
  }

  get nextReclaim(): number {
    return Math.min(this.#released + 1, this.#end)
  }

  /** When the oldest released message came; `Infinity` if there is none. */
  get oldestHistoryAt(): number {
    if (this.#start >= this.#released) return Number.POSITIVE_INFINITY
    return this.#at(this.#start)?.message.receivedAt ?? 0
  }

  append(draft: Draft): void {
    if (this.#end - this.#start === this.#slots.length) this.#resize(this.#slots.length * 2)
    const bytes = draftBytes(draft)
    this.#slots[this.#end & (this.#slots.length - 1)] = {
      message: this.#messageOf(draft, this.#end),
      bytes,
    }
    this.#end += 1
    this.#bytes += bytes
    this.#budget.take(bytes)
  }

  /** Makes all staged messages readable. */
  commit(): void {
    this.#committed = this.#end
  }

  read(from: number, maxCount: number, maxBytes: number): Promise<readonly Message[]> {
    const messages: Message[] = []
    let bytes = 0
    for (let offset = Math.max(from, this.#start); offset < this.#committed; offset += 1) {
      if (messages.length >= maxCount) break
      const message = this.#at(offset)?.message
      if (message === undefined) continue
      bytes += message.payload.length
      if (messages.length > 0 && bytes > maxBytes) break
      messages.push(message)
    }
    return Promise.resolve(messages)
  }

  offsetAt(time: number): Promise<number> {
    for (let offset = this.#start; offset < this.#committed; offset += 1) {
      const message = this.#at(offset)?.message
      if (message !== undefined && message.receivedAt >= time) return Promise.resolve(offset)
    }
    return Promise.resolve(this.#committed)
  }

  release(offset: number): void {
    this.#released = Math.max(this.#released, Math.min(offset, this.#committed))
    if (!this.#keepsHistory) this.#forgetBelow(this.#released)
  }

  remove(offset: number): Message | undefined {
    const slot = this.#at(offset)
    if (slot !== undefined) this.#clear(offset, slot)
    return slot?.message
  }

  /** Removes the oldest released message. */
  forgetOldest(): void {
    this.#forgetBelow(Math.min(this.#start + 1, this.#released))
  }

  loadState(): Promise<ChannelState | undefined> {
    return Promise.resolve(this.#state)
  }

  noteState(state: ChannelState, released: number): void {
    this.#state = state
    this.release(released)
  }

  close(): Promise<void> {
    this.#budget.give(this.#bytes)
    this.#bytes = 0
    this.#start = this.#end
    this.#committed = this.#end
    this.#slots = new Array(SMALLEST_RING).fill(undefined)
    return Promise.resolve()
  }

  #at(offset: number): Slot | undefined {
    if (offset < this.#start || offset >= this.#end) return undefined
    return this.#slots[offset & (this.#slots.length - 1)]
  }

  #forgetBelow(offset: number): void {
    while (this.#start < offset) {
      const slot = this.#at(this.#start)
      if (slot !== undefined) this.#clear(this.#start, slot)
      this.#start += 1
    }
    if (this.#start === this.#end && this.#slots.length > SMALLEST_RING) this.#resize(SMALLEST_RING)
  }

  #clear(offset: number, slot: Slot): void {
    this.#slots[offset & (this.#slots.length - 1)] = undefined
    this.#bytes -= slot.bytes
    this.#budget.give(slot.bytes)
  }

  #resize(size: number): void {
    const slots: (Slot | undefined)[] = new Array(size).fill(undefined)
    for (let offset = this.#start; offset < this.#end; offset += 1) {
      slots[offset & (size - 1)] = this.#at(offset)
    }
    this.#slots = slots
  }

  #messageOf(draft: Draft, offset: number): Message {
    const { id } = draft
    return {
      offset,
      receivedAt: draft.receivedAt,
      topic: draft.topic,
      senderId: id,
      messageId: id !== undefined && fitsAsMessageId(id) ? id : generatedMessageId(this.id, offset),
      payload: payloadOf(draft),
      reply: draft.reply,
    }
  }
}

function payloadOf(draft: Draft): Buffer {
  if (draft.text !== undefined) return Buffer.from(draft.text)
  const payload = Buffer.allocUnsafe(draft.end - draft.start)
  draft.bytes.copy(payload, 0, draft.start, draft.end)
  return payload
}
