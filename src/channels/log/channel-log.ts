/**
 * The contract of a channel's log: messages in order, each at an offset, appended once.
 *
 * Two logs keep it: `memory-log.ts` (a ring; what the specification describes) and
 * `disk/disk-log.ts` (segments; the default). `test/contract/channel-log.contract.ts` runs on both.
 *
 * A log only stores. Who has read what is a cursor's business (`cursor.ts`), what may be stored a
 * channel's (`channel.ts`), when to commit the group commit's (`group-commit.ts`).
 *
 *      start           committed        end
 *        │  readable       │   staged    │
 *   ─────▼─────────────────▼─────────────▼──────▶ offsets
 *   given back
 */
import type { Draft, Message } from '../../message.ts'

/** Stands in reports where all channels are concerned; no channel can have this name. */
export const JOURNAL_NAME = '__journal'

export interface ChannelLog {
  readonly channel: string
  /** Eight hexadecimal digits, chosen when the log was created and kept as long as it lives. */
  readonly id: string
  /** True if a restart loses the messages: they lie in memory only, and the memory budget bounds them. */
  readonly isVolatile: boolean
  /** The oldest offset still held. `start ≤ committed ≤ end`. */
  readonly start: number
  /** Messages below are durable and can be read. Grows only with a commit. */
  readonly committed: number
  /** The offset the next message will get. `end − committed` messages are staged. */
  readonly end: number
  /** Bytes held on the log's medium, what is staged included. */
  readonly bytes: number
  /** Bytes held in this process's memory (staged, and kept for quick reading). */
  readonly memoryBytes: number
  /** Offsets that were found damaged and are gone; reads step over them. Ascending, disjoint. */
  readonly damaged: Iterable<OffsetRange>

  /**
   * The offset up to which messages have to be released before the medium gives space back next:
   * the end of the oldest file, or in memory `start + 1`. `end` when there is nothing to give.
   */
  readonly nextReclaim: number

  /** Stages a message. Copies what it needs of the draft; allocates next to nothing; never throws. */
  append(draft: Draft): void

  /**
   * Committed messages from `from` on, in order, at most `maxCount` and, after the first, at most
   * `maxBytes` of payload. Empty only when nothing readable is left at or after `from`. Offsets are
   * ascending; where one is missing it lies in `damaged`, or below `start`.
   *
   * @throws {ConnectorError} StorageFailed when the medium can't be read now.
   */
  read(from: number, maxCount: number, maxBytes: number): Promise<readonly Message[]>

  /** The first offset received at or after `time` (milliseconds since 1970); `committed` if none. */
  offsetAt(time: number): Promise<number>

  /**
   * Nobody needs messages below `offset` any more; their space may be given back, on disk not before
   * the next commit has written that down.
   */
  release(offset: number): void

  /**
   * Takes one message out at once, wherever it stands, staged or committed, and returns it; undefined
   * when it is gone already. Reads step over it from then on. A volatile log has this method, and no
   * other has it: a message that is settled before an older one must give its memory back.
   */
  remove?(offset: number): Message | undefined

  /** The state kept beside the log; undefined when there is none or it can't be read. */
  loadState(): Promise<ChannelState | undefined>
  /** Replaces the state with the next commit, which releases messages below `released` as well. */
  noteState(state: ChannelState, released: number): void

  /** Waits for what is under way and lets go of files. Staged messages are lost: commit first. */
  close(): Promise<void>
}

/**
 * All logs of one medium. `open` comes first, once; `close` last.
 */
export interface LogStore {
  /** Bytes held over all logs, and set aside: on disk everything below the directory, in memory all messages. */
  readonly bytes: number
  /** Bytes that must never be exceeded; `Infinity` where only memory bounds count. */
  readonly maxBytes: number
  /** Staged bytes that one commit should not exceed by much; absent where it does not matter. */
  readonly maxCommitBytes?: number
  /** Bytes kept only for replay, part of `bytes`, where the medium tells. */
  readonly historyBytes?: number
  /** What was asked of the medium since start, where it tells. */
  readonly figures?: { readonly bytesWritten: number; readonly syncs: number }

  /**
   * Called when room would be free soon if logs noted now what is not needed any more; without that,
   * what they have not noted may have to be moved. Set by who notes states.
   */
  onStatesWanted?: (() => void) | undefined

  /**
   * Takes the medium into use (a directory is locked, its logs recovered) and returns the logs
   * found there. Never fails because of content: what can't be read is set aside and reported.
   * @throws {ConnectorError} DirectoryLocked, StorageFailed
   */
  open(): Promise<readonly ChannelLog[]>

  /** A new, empty log for a channel that has none. Touches the medium no earlier than its first commit. */
  create(channel: string): ChannelLog

  /**
   * Makes durable, all together, what all logs have staged when it is called; what is appended
   * meanwhile stays staged. Never called again before it has settled.
   *
   * It succeeds or fails as a whole. When it rejects, no message that it was to commit is in a log any
   * more, `discarded` names them, and what was staged meanwhile has moved down to follow `committed`.
   * The store stays usable: the next commit tries again.
   *
   * @throws {CommitError}
   */
  commit(): Promise<void>

  /**
   * Proves, after a commit that failed, that the medium can be written. Stores nothing and loses
   * nothing either way. Never called during a commit.
   *
   * @throws what the medium says to it
   */
  probe(): Promise<void>

  /**
   * Tries to give back so much that `bytes` more fit within `maxBytes`, by letting go of the oldest
   * released messages (the history kept for replay). False when there is too little of it.
   */
  makeRoom(bytes: number): boolean

  /**
   * Keeps so many bytes free for a log that must not be crowded out by the others; `bytes` counts them.
   * Replaces what was set aside before. Returns how many it could keep free.
   */
  setAside(bytes: number): number

  close(): Promise<void>
}

/** Offsets `from ≤ x < to`. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/** A commit that could not be made durable. */
export class CommitError extends Error {
  override readonly name = 'CommitError'
  /** By channel, the messages that are not stored, in order, so that their senders can be told. */
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
 * What a channel must remember besides its messages: where its readers are, and the part of the
 * ledger that can't be told from the log. Written as a whole, so that it always adds up.
 */
export interface ChannelState {
  readonly version: 1
  readonly cursors: Readonly<Record<string, CursorState>>
  /** Messages refused before they were appended, by code. */
  readonly refused: Readonly<Record<string, number>>
  /** The log's `committed` then: it can't have become less. Absent in states of earlier versions. */
  readonly end?: number
}

export interface CursorState {
  /** Every message below is settled. */
  readonly position: number
  /** Settled ranges at or above `position`: what a partial failure or a drop left behind. Ascending. */
  readonly settled: readonly OffsetRange[]
  readonly delivered: number
  readonly rejected: number
  /** Dropped after they had been appended, by code; expired and damaged ones among them. */
  readonly dropped: Readonly<Record<string, number>>
}
