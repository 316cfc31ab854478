/**
 * How many bytes a message is counted with, and the budget of bytes that messages hold in this
 * process's memory.
 */
import type { Draft, ReplyTo } from '../../message.ts'

/**
 * Objects, headers and ring or frame entries around one message; on the safe side for every log.
 */
export const OVERHEAD_BYTES = 128

/**
 * What storing the draft takes, in memory or on disk. A budget is asked for this number, and a log
 * in memory takes and gives back exactly this number.
 */
export function draftBytes(draft: Draft): number {
  const bytes = payloadBytes(draft) + draft.topic.length + (draft.id?.length ?? 0) + OVERHEAD_BYTES
  return draft.reply === undefined ? bytes : bytes + replyBytes(draft.reply)
}

function replyBytes({ topic, correlation }: ReplyTo): number {
  return topic.length + (correlation?.length ?? 0)
}

function payloadBytes(draft: Draft): number {
  return draft.text === undefined ? draft.end - draft.start : Buffer.byteLength(draft.text)
}

/**
 * Bytes that messages hold in memory, over all channels: `MemorySize` bounds them. Logs take the
 * bytes of each message they stage or keep, and give them back when the message is gone.
 */
export class MemoryBudget {
  readonly maxBytes: number
  #held = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get held(): number {
    return this.#held
  }

  /** Whether `bytes` more fit. */
  fits(bytes: number): boolean {
    return this.#held + bytes <= this.maxBytes
  }

  /** Counts `bytes` as held; the caller has asked `fits` if it can refuse them. */
  take(bytes: number): void {
    this.#held += bytes
  }

  give(bytes: number): void {
    this.#held -= bytes
  }
}
