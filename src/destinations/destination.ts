/**
 * Where batches go. A destination is dumb: it sends what it is given once (with the protocol's own
 * quick retries, if it has any) and says what happened. Batching, order, the retry schedule,
 * receipts and metrics are `delivery/`'s.
 */
import type { Message, Refusal } from '../message.ts'

export interface Batch {
  readonly channel: string
  /** At least one, in the order they came, all `messageId`s different. */
  readonly messages: readonly Message[]
}

/** By index into the batch. A message in neither list was accepted. */
export interface BatchOutcome {
  /** Never to be sent again; the refusal goes to the sender. */
  readonly rejected: readonly { readonly index: number; readonly refusal: Refusal }[]
  /** To be sent again, in their old place. */
  readonly kept: readonly number[]
}

export const ALL_ACCEPTED: BatchOutcome = Object.freeze({
  rejected: Object.freeze([]),
  kept: Object.freeze([]),
})

/**
 * `open` prepares and may be called again until it has succeeded; it does not wait for the peer to
 * be reachable. `send` is called after that, never twice at once for one channel unless configured
 * so. `close` comes after the last `send` has settled or was aborted, once.
 */
export interface Destination {
  readonly name: string
  /** A line for people: what it sends where. */
  readonly description: string
  /** How many messages and payload bytes one `send` can take. */
  readonly maxBatchMessages: number
  readonly maxBatchBytes: number

  open(): Promise<void>

  /**
   * Resolves in bounded time, whatever the peer does.
   * @throws {ConnectorError} with effect `retry` when the whole batch is to be kept and sent again;
   *   with effect `reject` when every message of it is refused (code and message go to the senders).
   */
  send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome>

  close(): Promise<void>
}
