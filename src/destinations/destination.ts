/**
 * The contract of a destination. It sends each batch once, with the protocol's own quick retries if
 * it has any, and reports what happened. Batching, order, the retry schedule, receipts and metrics
 * are up to `delivery/`.
 */
import type { Message, Refusal } from '../message.ts'

/**
 * A message is identified by the connector, `logId` and its offset. Its `messageId` may have been
 * chosen by its sender, who may use it again.
 */
export interface Batch {
  readonly channel: string
  /** The log that the messages come from. The offsets of another log begin at 0 again. */
  readonly logId: string
  /** At least one, in the order of arrival. */
  readonly messages: readonly Message[]
  readonly progress?: LogProgress
}

/** Where the destination's cursor is in the log. */
export interface LogProgress {
  /** Messages below are settled. They are not sent again, unless a crash loses that. */
  readonly settledBelow: number
  /** The offset after the log's last message. */
  readonly end: number
}

/** When a channel's next batch is due, and what it may hold. */
export interface BatchRule {
  readonly maxMessages: number
  /** Payload bytes. A message that is longer than this is a batch of its own. */
  readonly maxBytes: number
  /** Counted from the arrival of the oldest waiting message. 0: a batch is due at once. */
  readonly intervalMs: number
  /**
   * No two messages of a batch have the same `messageId`: the second one is dropped and reported to
   * its sender.
   */
  readonly hasDistinctIds: boolean
  /**
   * The destination recognises a batch by its first and last offset. The boundaries are stored
   * before the batch is first sent, so that they are the same when it is sent again after a crash.
   */
  readonly isPlanned?: boolean
}

/**
 * Refers to messages by their index in the batch. A message in neither list counts as delivered and
 * is never sent again, so a destination must name every message that it did not deliver.
 */
export interface BatchOutcome {
  /** Not sent again; the refusal goes to the sender. */
  readonly rejected: readonly { readonly index: number; readonly refusal: Refusal }[]
  /** Sent again later, in their old place. */
  readonly kept: readonly number[]
  /** Why some are kept, if the destination gave a reason. */
  readonly keptReason?: Refusal | undefined
}

export const ALL_ACCEPTED: BatchOutcome = Object.freeze({
  rejected: Object.freeze([]),
  kept: Object.freeze([]),
})

/**
 * `open` prepares, and may be called again until it succeeds; it does not wait for the peer to be
 * reachable. `send` is called after that, and not concurrently for one channel unless configured
 * so. `close` is called once, after the last `send` has settled or was aborted.
 */
export interface Destination {
  readonly name: string
  /** One line for people: what it sends, and where to. */
  readonly description: string
  readonly batchRule: BatchRule

  open(): Promise<void>

  /**
   * Resolves in bounded time, whatever the peer does.
   * @throws {ConnectorError} with effect `retry` if the whole batch must be kept and sent again;
   *   ContentRefused if the destination has stored nothing, because of what some message contains:
   *   then the batch is divided until that message stands alone; with effect `reject` otherwise if
   *   the destination rejects every message (code and message go to the senders).
   */
  send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome>

  /**
   * For a destination that records, together with the messages, how far it has got. Returns the offset
   * after the last message that it has of a log, 0 if it has none. Every message below is there; the
   * connector counts them as delivered. It is asked before the first batch of a channel. After a
   * failure whose outcome is not known, `send` itself must recognise messages that are there already.
   * @throws {ConnectorError} with effect `retry` if it can't tell now
   */
  position?(channel: string, logId: string, signal: AbortSignal): Promise<number>

  /**
   * Asks the peer whether messages could be delivered now. Sends none, and changes nothing at the
   * peer: what the first batch would create is not created. Called after `open`.
   * @param note takes what is in order and worth knowing, for people
   * @throws {ConnectorError} that names the setting that is wrong, or what is missing at the peer
   */
  check?(signal: AbortSignal, note?: (text: string) => void): Promise<void>

  close(): Promise<void>
}

/**
 * A destination whose batches are too large for memory. Messages go run by run into a spool, and
 * from there to the destination. Its batches are planned.
 */
export interface SpoolingDestination extends Destination {
  /** A new, empty batch. */
  spool(channel: string, logId: string): Promise<Spool>
}

export interface Spool {
  /**
   * Takes a message, or returns false if the batch ends before it: it is of another day, for example.
   * The first message of a batch is always taken. Called in the order of offsets. Only buffers.
   */
  take(message: Message): boolean
  /** Writes what was taken. Called after every run of messages, about 1 MiB of payload. */
  flush(): Promise<void>
  /**
   * Called once the boundaries `from ≤ offset < to` are stored. After an error with effect `retry` it
   * is called again, in the same process or, after a crash, with a new spool of the same messages.
   */
  send(range: { readonly from: number; readonly to: number }, signal: AbortSignal): Promise<void>
  /** Removes the files. Called once, at the end. */
  discard(): Promise<void>
}

export function isSpooling(destination: Destination): destination is SpoolingDestination {
  return 'spool' in destination
}
