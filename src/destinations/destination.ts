/**
 * The contract of a destination. It sends each batch once, with the protocol's own quick retries if
 * it has any, and reports what happened. Batching, order, the retry schedule, receipts and metrics
 * are up to `delivery/`.
 */
import type { Message, Refusal } from '../message.ts'

export interface Batch {
  readonly channel: string
  /** At least one, in the order of arrival, with distinct `messageId`s. */
  readonly messages: readonly Message[]
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
  /** The most messages and payload bytes that one `send` takes. */
  readonly maxBatchMessages: number
  readonly maxBatchBytes: number

  open(): Promise<void>

  /**
   * Resolves in bounded time, whatever the peer does.
   * @throws {ConnectorError} with effect `retry` if the whole batch must be kept and sent again;
   *   with effect `reject` if the destination rejects every message (code and message go to the
   *   senders).
   */
  send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome>

  close(): Promise<void>
}
