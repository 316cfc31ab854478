/**
 * The last attempts to send batches, for the history of one message (`why`). One entry per batch,
 * in memory: the trail begins when the process starts, and when it is full the oldest entries go.
 */
import type { BatchOutcome } from '../destinations/destination.ts'
import type { Message, Refusal } from '../message.ts'

/** What one attempt did to one message. */
export interface Attempt {
  /** When the batch was given to the destination; milliseconds since 1970. */
  readonly at: number
  readonly durationMs: number
  /** `kept`: it stays in the log, to be sent again. */
  readonly result: 'accepted' | 'rejected' | 'kept'
  /** Why it was rejected or kept, if the destination gave a reason. */
  readonly refusal: Refusal | undefined
}

export interface BatchAttempt {
  readonly channel: string
  readonly messages: readonly Message[]
  readonly at: number
  readonly durationMs: number
  /** The outcome of the batch, or why all of it was kept. */
  readonly end: BatchOutcome | Refusal
}

interface Entry {
  channel: string
  first: number
  last: number
  /** Undefined if the batch had no gaps. */
  offsets: readonly number[] | undefined
  at: number
  durationMs: number
  end: BatchOutcome | Refusal
}

const MAX_ENTRIES = 10_000

export class AttemptTrail {
  readonly #maxEntries: number
  readonly #entries: Entry[] = []
  #next = 0

  constructor(maxEntries = MAX_ENTRIES) {
    this.#maxEntries = maxEntries
  }

  note({ channel, messages, at, durationMs, end }: BatchAttempt): void {
    const first = messages[0]?.offset ?? 0
    const last = messages.at(-1)?.offset ?? first
    const isGapless = last - first + 1 === messages.length
    const offsets = isGapless ? undefined : messages.map(({ offset }) => offset)
    const oldest = this.#entries[this.#next]
    if (oldest === undefined) {
      this.#entries.push({ channel, first, last, offsets, at, durationMs, end })
    } else {
      // Entries are used again, because the garbage collector would have to move such old objects.
      oldest.channel = channel
      oldest.first = first
      oldest.last = last
      oldest.offsets = offsets
      oldest.at = at
      oldest.durationMs = durationMs
      oldest.end = end
    }
    this.#next = (this.#next + 1) % this.#maxEntries
  }

  /** The remembered attempts with one message, the earliest first. */
  of(channel: string, offset: number): Attempt[] {
    const attempts: Attempt[] = []
    for (const entry of this.#inOrder()) {
      if (entry.channel !== channel || offset < entry.first || offset > entry.last) continue
      const index = entry.offsets?.indexOf(offset) ?? offset - entry.first
      if (index >= 0) attempts.push(attemptAt(entry, index))
    }
    return attempts
  }

  *#inOrder(): Generator<Entry> {
    const isFull = this.#entries.length === this.#maxEntries
    const start = isFull ? this.#next : 0
    yield* this.#entries.slice(start)
    yield* this.#entries.slice(0, start)
  }
}

function attemptAt({ at, durationMs, end }: Entry, index: number): Attempt {
  if ('error' in end) return { at, durationMs, result: 'kept', refusal: end }
  const rejection = end.rejected.find((one) => one.index === index)
  if (rejection !== undefined) {
    return { at, durationMs, result: 'rejected', refusal: rejection.refusal }
  }
  const result = end.kept.includes(index) ? 'kept' : 'accepted'
  return { at, durationMs, result, refusal: undefined }
}
