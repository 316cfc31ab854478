/**
 * The contract of activities. A pipeline is pure: activities get the messages of a batch and return
 * what became of them. Only activities that look something up do I/O, through what they are given.
 */
import type { JsonObject, JsonValue } from '../json/json-value.ts'

/** Works on one message at a time. */
export interface MessageActivity {
  readonly kind: 'message'
  readonly name: string
  /** False if messages leave it as they came, so that their bytes can be kept. */
  readonly changesMessages: boolean
  /** Why a message is not stored for which `transform` returns undefined. */
  readonly dropReason: DropReason
  /**
   * The message that goes on; it may be the same object, changed. Undefined if it is not to be
   * stored.
   * @throws {ActivityFailure} if the message cannot be processed
   */
  transform(message: JsonObject): JsonObject | undefined
}

/** Works on all messages of a batch, with one wait for all of them. */
export interface BatchActivity {
  readonly kind: 'batch'
  readonly name: string
  /** Also messages that are no JSON objects. All other activities get only objects. */
  readonly takesAnyPayload: boolean
  /**
   * One outcome for each message, in their order.
   * @throws {ConnectorError} ThingsUnavailable: the messages are to be processed again later
   */
  transformAll(messages: readonly JsonValue[]): Promise<readonly Outcome[]>
}

export type Activity = MessageActivity | BatchActivity

/** The messages that one has become: usually one. None: it is not to be stored. */
export type Outcome = readonly JsonObject[] | ActivityFailure

/**
 * - `invalidJson`: the payload is no JSON object, which every activity but `lambda` needs
 * - `filtered`: the condition of a filter does not hold
 * - `empty`: no attribute is left
 * - `removed`: a function returned fewer messages than it got
 */
export type DropReason = 'invalidJson' | 'filtered' | 'empty' | 'removed'

/** A message that an activity could not process. It is kept, with the reason. */
export class ActivityFailure extends Error {
  override readonly name = 'ActivityFailure'
}
