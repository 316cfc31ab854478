/** Sending stored messages of a channel again, delivered or not. */
import type { Refusal } from '../../message.ts'
import type { ReadFrom } from './read-from.ts'

export interface HistoryReplayRequest {
  readonly channel: string
  readonly from: ReadFrom
  /** Messages before this point. Undefined: all that no longer wait for every destination. */
  readonly to?: ReadFrom | undefined
  /** The maximum number of messages in one call. */
  readonly limit: number
  /** Only counts what would be sent again. */
  readonly isDryRun: boolean
}

export interface HistoryReplayReport {
  readonly matched: number
  /** Committed to the channel again. */
  readonly replayed: number
  /** Not taken, because the channel's deduplication knows their ids. */
  readonly duplicates: number
  /** When the first of them arrived, milliseconds since 1970; undefined if there was no message. */
  readonly firstReceivedAt: number | undefined
  /** Messages of the channel that wait for a destination. */
  readonly waiting: number
  /** Why the replay stopped before its end. */
  readonly stopped: Refusal | undefined
  /** Where the next call begins, with the same `to`; undefined if this was the last one. */
  readonly next: number | undefined
  readonly to: number
}

export interface HistoryReplayView {
  /**
   * Appends stored messages to their channel again, with their message ids. Calls run one at a
   * time. A call ends early while many messages wait for a destination. Resolves with undefined if
   * there is no such channel.
   */
  replayHistory(request: HistoryReplayRequest): Promise<HistoryReplayReport | undefined>
}
