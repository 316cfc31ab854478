/**
 * The last attempts to send batches, for the history of one message (`why`). One entry per batch,
 * in memory: the trail begins when the process starts. Entries have a bound on their number and on
 * their bytes, because destinations choose what they say; when one is met, the oldest entries go.
 */
import { ALL_ACCEPTED, type BatchOutcome } from '../../destinations/destination.ts'
import type { Message, Refusal } from '../../message.ts'

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

interface AnyAttempt {
  readonly channel: string
  readonly at: number
  readonly durationMs: number
  /** The outcome of the batch, or why all of it was kept. */
  readonly end: BatchOutcome | Refusal
}

export interface BatchAttempt extends AnyAttempt {
  readonly messages: readonly Message[]
}

/** With the messages `from ≤ offset < to`, all of them. */
export interface RangeAttempt extends AnyAttempt {
  readonly from: number
  readonly to: number
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
  bytes: number
}

export interface TrailBounds {
  readonly maxEntries: number
  readonly maxBytes: number
}

const DEFAULT_BOUNDS: TrailBounds = { maxEntries: 10_000, maxBytes: 8 * 1024 * 1024 }
/** Enough for percentiles. */
const MAX_ANSWERS = 1_000
/** Measured: the objects of one entry, and of one refusal. */
const ENTRY_BYTES = 160
const REFUSAL_BYTES = 100

export class AttemptTrail {
  readonly #bounds: TrailBounds
  /** Used as a ring: `#count` entries from `#first` on. */
  readonly #entries: Entry[] = []
  #first = 0
  #count = 0
  #bytes = 0

  constructor(bounds: TrailBounds = DEFAULT_BOUNDS) {
    this.#bounds = bounds
  }

  /** About how many bytes it takes. */
  get bytes(): number {
    return this.#bytes
  }

  note(attempt: BatchAttempt): void {
    const { messages } = attempt
    const first = messages[0]?.offset ?? 0
    const last = messages.at(-1)?.offset ?? first
    const isGapless = last - first + 1 === messages.length
    const offsets = isGapless ? undefined : messages.map(({ offset }) => offset)
    this.#add(attempt, first, last, offsets)
  }

  noteRange(attempt: RangeAttempt): void {
    this.#add(attempt, attempt.from, attempt.to - 1, undefined)
  }

  #add(
    { channel, at, durationMs, end }: AnyAttempt,
    first: number,
    last: number,
    offsets: readonly number[] | undefined,
  ): void {
    const bytes = bytesOf(end) + 8 * (offsets?.length ?? 0)
    const { maxEntries, maxBytes } = this.#bounds
    while (this.#count >= maxEntries || (this.#count > 0 && this.#bytes + bytes > maxBytes)) {
      this.#forgetOldest()
    }
    this.#bytes += bytes
    const place = (this.#first + this.#count) % maxEntries
    this.#count += 1
    const unused = this.#entries[place]
    if (unused === undefined) {
      this.#entries.push({ channel, first, last, offsets, at, durationMs, end, bytes })
      return
    }
    // Entries are used again, because the garbage collector would have to move such old objects.
    unused.channel = channel
    unused.first = first
    unused.last = last
    unused.offsets = offsets
    unused.at = at
    unused.durationMs = durationMs
    unused.end = end
    unused.bytes = bytes
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

  /** How long the destination took for the last batches that it answered, since `at`. */
  answersSince(at: number): number[] {
    const durations: number[] = []
    for (let i = this.#count - 1; i >= 0 && durations.length < MAX_ANSWERS; i--) {
      const entry = this.#entries[(this.#first + i) % this.#bounds.maxEntries]
      if (entry === undefined || entry.at < at) break
      if (!('error' in entry.end)) durations.push(entry.durationMs)
    }
    return durations
  }

  *#inOrder(): Generator<Entry> {
    for (let i = 0; i < this.#count; i++) {
      const entry = this.#entries[(this.#first + i) % this.#bounds.maxEntries]
      if (entry !== undefined) yield entry
    }
  }

  #forgetOldest(): void {
    const oldest = this.#entries[this.#first]
    if (oldest !== undefined) {
      this.#bytes -= oldest.bytes
      oldest.end = ALL_ACCEPTED
      oldest.offsets = undefined
    }
    this.#first = (this.#first + 1) % this.#bounds.maxEntries
    this.#count -= 1
  }
}

/** Refusals that several messages share, one after the other, are counted once. */
function bytesOf(end: BatchOutcome | Refusal): number {
  if ('error' in end) return ENTRY_BYTES + refusalBytes(end)
  const { kept, keptReason } = end
  let bytes = ENTRY_BYTES + 8 * kept.length + (keptReason ? refusalBytes(keptReason) : 0)
  let last: Refusal | undefined
  for (const { refusal } of end.rejected) {
    bytes += refusal === last ? REFUSAL_BYTES / 2 : refusalBytes(refusal)
    last = refusal
  }
  return bytes
}

function refusalBytes({ error, message }: Refusal): number {
  return REFUSAL_BYTES + 2 * (error.length + message.length)
}

function attemptAt({ at, durationMs, end }: Entry, index: number): Attempt {
  if ('error' in end) return { at, durationMs, result: 'kept', refusal: end }
  const rejection = end.rejected.find((one) => one.index === index)
  if (rejection !== undefined) {
    return { at, durationMs, result: 'rejected', refusal: rejection.refusal }
  }
  if (!end.kept.includes(index)) return { at, durationMs, result: 'accepted', refusal: undefined }
  return { at, durationMs, result: 'kept', refusal: end.keptReason }
}
