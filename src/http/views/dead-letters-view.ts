/** What the HTTP server may show of dead letters, and do with them. */
import type { KeptDeadLetter } from '../../channels/dead-letters/dead-letter-record.ts'
import type { Refusal } from '../../message.ts'

/** Which dead letters; a field that is left out excludes none. */
export interface DeadLetterFilter {
  readonly channel?: string | undefined
  /** The destination that rejected it. */
  readonly destination?: string | undefined
  /** The code of the refusal. */
  readonly error?: string | undefined
  /** Kept at this time or later; milliseconds since 1970. */
  readonly since?: number | undefined
  /** Kept before this time. */
  readonly until?: number | undefined
}

export interface DeadLetterPage {
  /** The oldest first. */
  readonly letters: readonly KeptDeadLetter[]
  /** Where the next page begins; undefined if this is the last one. */
  readonly next: number | undefined
}

export interface ReplayRequest {
  readonly filter: DeadLetterFilter
  /** Offsets `from ≤ x < to`. Without `to`: up to the newest one at the time of the call. */
  readonly from: number
  readonly to?: number | undefined
  /** The maximum number of dead letters in one call. */
  readonly limit: number
  /** Only counts what would be sent again. */
  readonly isDryRun: boolean
}

export interface ReplayReport {
  readonly matched: number
  /** Committed to their channels, and removed from the dead letters. */
  readonly replayed: number
  /** Still dead letters, each with the reason. */
  readonly refused: readonly { readonly offset: number; readonly refusal: Refusal }[]
  /** Where the next call begins, with the same `to`; undefined if this was the last one. */
  readonly next: number | undefined
  readonly to: number
}

/** Every call resolves with undefined if the configuration keeps no dead letters. */
export interface DeadLettersView {
  readDeadLetters(
    filter: DeadLetterFilter,
    from: number,
    limit: number,
  ): Promise<DeadLetterPage | undefined>

  /** Offers messages to their channels again, as new messages. Calls run one at a time. */
  replayDeadLetters(request: ReplayRequest): Promise<ReplayReport | undefined>
}
