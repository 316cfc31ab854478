/** What the HTTP server may show of messages that were refused for good, and do with them. */
import type { Refusal } from '../../message.ts'

/** Which dead letters; what is left out takes all. */
export interface DeadLetterFilter {
  readonly channel?: string | undefined
  /** The destination that refused it. */
  readonly destination?: string | undefined
  /** The code of the refusal. */
  readonly error?: string | undefined
  /** Kept at or after, and before; milliseconds since 1970. */
  readonly since?: number | undefined
  readonly until?: number | undefined
}

export interface ShownDeadLetter {
  /** Its place among the dead letters. */
  readonly offset: number
  readonly keptAt: number
  readonly channel: string
  /** Undefined: it was refused before it came into a channel. */
  readonly destination: string | undefined
  readonly refusal: Refusal
  readonly topic: string
  readonly receivedAt: number
  readonly senderId: string | undefined
  readonly messageId: string | undefined
  readonly payload: Buffer
}

export interface DeadLetterPage {
  /** The oldest first. */
  readonly letters: readonly ShownDeadLetter[]
  /** The offset to go on from; undefined when there are no more. */
  readonly next: number | undefined
}

export interface ReplayRequest {
  readonly filter: DeadLetterFilter
  /** Offsets `from ≤ x < to`; without `to` those that are kept at the time of the call. */
  readonly from: number
  readonly to?: number | undefined
  /** How many at most. */
  readonly limit: number
  /** Only counts what would be sent again. */
  readonly isDryRun: boolean
}

export interface ReplayReport {
  readonly matched: number
  /** Committed to their channels, and not dead letters any more. */
  readonly replayed: number
  /** Still dead letters, each with why. */
  readonly refused: readonly { readonly offset: number; readonly refusal: Refusal }[]
  /** Where to go on, with the same `to`; undefined when all were looked at. */
  readonly next: number | undefined
  readonly to: number
}

/** Every call resolves with undefined where the configuration keeps no dead letters. */
export interface DeadLettersView {
  readDeadLetters(
    filter: DeadLetterFilter,
    from: number,
    limit: number,
  ): Promise<DeadLetterPage | undefined>

  /** Gives messages to their channels again, as new messages; one call at a time. */
  replayDeadLetters(request: ReplayRequest): Promise<ReplayReport | undefined>
}
