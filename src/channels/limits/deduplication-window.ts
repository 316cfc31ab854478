/**
 * The ids of a channel's recent messages, so that a message sent again after a lost PUBACK is
 * stored once. The window is limited in time and number; after a restart it is read back from the
 * log.
 */
import { createHash } from 'node:crypto'
import type { ChannelLog } from '../log/channel-log.ts'

export interface DeduplicationBounds {
  /** How long an id is remembered. */
  readonly windowMs: number
  /** The number of ids remembered at most; the oldest are forgotten first. */
  readonly maxIds: number
}

interface Entry {
  readonly receivedAt: number
  /** The commit cycle of its message; 0 if it was in the log at start. */
  readonly cycle: number
}

/** An id may have 128 KB. Of a longer one than this only the hash is kept. */
const LONGEST_KEPT_ID = 64
const MAX_READ_MESSAGES = 1_000
const MAX_READ_BYTES = 1024 * 1024

export class DeduplicationWindow {
  readonly #bounds: DeduplicationBounds
  /** In order of arrival. */
  readonly #entries = new Map<string, Entry>()

  constructor(bounds: DeduplicationBounds) {
    this.#bounds = bounds
  }

  /** A window with the ids of the messages that the log still holds. */
  static async readBack(
    bounds: DeduplicationBounds,
    log: ChannelLog,
    now: number,
  ): Promise<DeduplicationWindow> {
    const window = new DeduplicationWindow(bounds)
    const recent = await log.offsetAt(now - bounds.windowMs)
    let from = Math.max(recent, log.committed - bounds.maxIds)
    while (from < log.committed) {
      const messages = await log.read(from, MAX_READ_MESSAGES, MAX_READ_BYTES)
      for (const message of messages) window.note(message.senderId, message.receivedAt, 0)
      from = (messages.at(-1)?.offset ?? log.committed) + 1
    }
    return window
  }

  get size(): number {
    return this.#entries.size
  }

  /** The commit cycle of the message with this id; undefined if the id is not remembered. */
  cycleOf(senderId: string | undefined, now: number): number | undefined {
    if (!senderId) return undefined
    const entry = this.#entries.get(keyOf(senderId))
    if (entry === undefined || entry.receivedAt <= now - this.#bounds.windowMs) return undefined
    return entry.cycle
  }

  note(senderId: string | undefined, receivedAt: number, cycle: number): void {
    if (!senderId) return
    const key = keyOf(senderId)
    this.#entries.delete(key)
    this.#entries.set(key, { receivedAt, cycle })
    this.#forgetOld(receivedAt - this.#bounds.windowMs)
  }

  /** The message with this id was dropped or rejected: its sender may send it again. */
  forget(senderId: string | undefined): void {
    if (senderId) this.#entries.delete(keyOf(senderId))
  }

  #forgetOld(before: number): void {
    for (const [key, { receivedAt }] of this.#entries) {
      if (this.#entries.size <= this.#bounds.maxIds && receivedAt > before) return
      this.#entries.delete(key)
    }
  }
}

function keyOf(senderId: string): string {
  if (senderId.length <= LONGEST_KEPT_ID) return senderId
  return createHash('sha256').update(senderId).digest('base64')
}
