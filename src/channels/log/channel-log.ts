/**
 * The contract of a channel's log: messages in order, each appended once, at an offset.
 *
 * Two logs fulfil it: `memory-log.ts` (a ring, as the specification describes) and
 * `disk/disk-log.ts` (a journal and segments, the default). `test/contract/channel-log.contract.ts`
 * runs on both.
 *
 * A log only stores. A cursor knows what has been delivered (`cursor.ts`), a channel decides what
 * may be stored (`channel.ts`), and the group commit decides when to commit (`group-commit.ts`).
 *
 *      start           committed        end
 *        │  readable       │   staged    │
 *   ─────▼─────────────────▼─────────────▼──────▶ offsets
 *    released
 */
import type { Draft, Message, Refusal } from '../../message.ts'

/** The name in reports that concern all channels; no channel can have it. */
export const JOURNAL_NAME = '__journal'

export interface ChannelLog {
  readonly channel: string
  /** Eight hexadecimal digits, chosen when the log was created; they never change. */
  readonly id: string
  /**
   * True if messages are in memory only: a restart loses them, and the memory budget limits them.
   */
  readonly isVolatile: boolean
  /** The oldest offset still held. `start ≤ committed ≤ end`. */
  readonly start: number
  /** Messages below are durable and can be read. It grows only with a commit. */
  readonly committed: number
  /** The offset the next message will get. `end − committed` messages are staged. */
  readonly end: number
  /** Bytes held on the log's medium, staged messages included. */
  readonly bytes: number
  /** Bytes held in this process's memory: staged messages, and those kept for quick reading. */
  readonly memoryBytes: number
  /** Offsets whose messages are damaged or gone; reads skip them. Ascending, disjoint. */
  readonly damaged: Iterable<OffsetRange>

  /**
   * The offset up to which messages must be released before the medium gives space back: the end of
   * the oldest file, or in memory `start + 1`. `end` if there is no space to give back.
   */
  readonly nextReclaim: number

  /** Why it can't take messages now, although its store works; absent if it can. */
  readonly fault?: Refusal | undefined

  /** Stages a message. Copies the draft, allocates next to nothing, and never throws. */
  append(draft: Draft): void

  /**
   * Committed messages from `from` on, in order, at most `maxCount` and, after the first, at most
   * `maxBytes` of payload. Empty only if no readable message is left at or after `from`. Offsets
   * are ascending; a missing one is in `damaged` or below `start`.
   *
   * @throws {ConnectorError} StorageFailed if the medium can't be read now.
   */
  read(from: number, maxCount: number, maxBytes: number): Promise<readonly Message[]>

  /** The first offset received at or after `time` (milliseconds since 1970); else `committed`. */
  offsetAt(time: number): Promise<number>

  /**
   * Messages below `offset` are not needed any more; their space may be given back. On disk that
   * happens only after the next commit has written the release down.
   */
  release(offset: number): void

  /**
   * Removes one message at once, at any offset, staged or committed, and returns it; undefined if
   * it is gone already. Reads skip it from then on. Volatile logs have this method, and no others
   * have it: a message that is settled before an older one must give its memory back.
   */
  remove?(offset: number): Message | undefined

  /** The state kept beside the log; undefined if there is no state or it can't be read. */
  loadState(): Promise<ChannelState | undefined>
  /** Replaces the state with the next commit, which releases messages below `released` as well. */
  noteState(state: ChannelState, released: number): void

  /** Waits for reads under way and closes files. Staged messages are lost: commit first. */
  close(): Promise<void>
}

/**
 * All logs of one medium. `open` comes first, once; `close` last.
 */
export interface LogStore {
  /**
   * Bytes that all logs hold, and bytes set aside. On disk they include everything below the
   * directory.
   */
  readonly bytes: number
  /** The limit of `bytes`; `Infinity` if only the memory budget limits the logs. */
  readonly maxBytes: number
  /** Staged bytes that one commit should not exceed by much; absent if it does not matter. */
  readonly maxCommitBytes?: number
  /** The part of `bytes` that is kept only for replay; absent if the medium does not count it. */
  readonly historyBytes?: number
  /** Bytes written and syncs since the start; absent if the medium does not count them. */
  readonly figures?: { readonly bytesWritten: number; readonly syncs: number }

  /**
   * Called when space could soon be given back if logs noted their states now. Otherwise messages
   * that are settled, but not noted as settled, may have to be moved. Set by the user of the store.
   */
  onStatesWanted?: (() => void) | undefined

  /**
   * Opens the medium (a directory is locked, its logs are recovered) and returns the logs found
   * there. Never fails because of content: files that can't be read are set aside and reported.
   * @throws {ConnectorError} DirectoryLocked, StorageFailed
   */
  open(): Promise<readonly ChannelLog[]>

  /** Logs that are set aside, because their own files fail. Absent if there can be none. */
  readonly faults?: readonly LogFault[]

  /** Tries to open or write logs that are set aside. Must not be called while the store closes. */
  retryFaults?(): Promise<void>

  /**
   * Called when a log that could not be opened before is open, and not set aside any more. Set by the
   * user of the store.
   */
  onReopened?: ((log: ChannelLog) => void) | undefined

  /** A new, empty log for a channel that has none and is not set aside. Writes to the medium with its first commit. */
  create(channel: string): ChannelLog

  /**
   * Makes durable, all together, the messages that all logs have staged when it is called. Messages
   * appended meanwhile stay staged. Never called again before it has settled.
   *
   * It succeeds or fails as a whole. If it rejects, the messages that it was to commit have left
   * their logs, `discarded` names them, and messages staged meanwhile have moved down to
   * `committed`. The store stays usable: the next commit tries again.
   *
   * @throws {CommitError}
   */
  commit(): Promise<void>

  /**
   * Checks, after a commit that failed, that the medium can be written. Never stores or loses a
   * message. Never called during a commit.
   *
   * @throws the error of the medium
   */
  probe(): Promise<void>

  /**
   * Makes room for `bytes` more within `maxBytes`, by removing the oldest released messages (the
   * history kept for replay). False if there are too few of them.
   */
  makeRoom(bytes: number): boolean

  /**
   * Sets bytes aside for a log that the others must not crowd out; the store's `bytes` counts them.
   * Replaces the bytes set aside before. Returns how many bytes it could set aside.
   */
  setAside(bytes: number): number

  /**
   * @param maxMs how long it may take to write what makes the next start quick; the start needs
   *   none of it
   */
  close(maxMs?: number): Promise<void>
}

/** A log that is set aside, and the answer for its messages. */
export interface LogFault {
  readonly channel: string
  readonly refusal: Refusal
}

/** Offsets `from ≤ x < to`. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/** A commit that could not be made durable. */
export class CommitError extends Error {
  override readonly name = 'CommitError'
  /** By channel, the messages that are not stored, in order, for the receipts to their senders. */
  readonly discarded: ReadonlyMap<string, readonly Message[]>

  constructor(
    message: string,
    discarded: ReadonlyMap<string, readonly Message[]>,
    options: { readonly cause: unknown },
  ) {
    super(message, options)
    this.discarded = discarded
  }
}

/**
 * What a channel remembers besides its messages: where its cursors are, and the part of the ledger
 * that does not follow from the log. Written as a whole, so that it always adds up.
 */
export interface ChannelState {
  readonly version: 1
  readonly cursors: Readonly<Record<string, CursorState>>
  /** Messages refused before they were appended, by code. */
  readonly refused: Readonly<Record<string, number>>
  /**
   * The log's `committed` at that time; it never decreases. Absent in states of earlier versions.
   */
  readonly end?: number
}

export interface CursorState {
  /** Every message below is settled. */
  readonly position: number
  /** Settled ranges at or above `position`, left by a partial failure or a drop. Ascending. */
  readonly settled: readonly OffsetRange[]
  readonly delivered: number
  readonly rejected: number
  /** Messages dropped after they were appended, by code; expired and damaged ones included. */
  readonly dropped: Readonly<Record<string, number>>
  /** The batch under way, if its boundaries must be the same after a crash. */
  readonly plan?: OffsetRange
}
