/** The topics that the specification defines. Input: "Input Data"; output: "Output Data". */

/**
 * The topic of receipts. Only the connector publishes on it, and no channel takes messages from it.
 */
export const STATUS_TOPIC = 'iotanalytics/messages/put/status'

/** The filters that a source must subscribe to at another broker. */
export const PREDEFINED_FILTERS: readonly string[] = [
  'iotanalytics/channels/+/messages/put',
  'iotanalytics/channels/+/messages/binary/put',
]

const PREDEFINED = /^iotanalytics\/channels\/([^/]*)\/messages\/(binary\/)?put$/
const CHANNEL_NAME = /^(?!__)[A-Za-z0-9_]{1,128}$/

export interface PredefinedTopic {
  readonly kind: 'formatted' | 'binary'
  /** As written in the topic; it need not be a valid name. */
  readonly channel: string
}

/** The channel and format a predefined topic names; undefined for every other topic. */
export function parsePredefinedTopic(topic: string): PredefinedTopic | undefined {
  const match = PREDEFINED.exec(topic)
  if (match === null) return undefined
  return { kind: match[2] === undefined ? 'formatted' : 'binary', channel: match[1] ?? '' }
}

/** 1–128 of `A-Z a-z 0-9 _`, not beginning with `__`. API reference, CreateChannel. */
export function isChannelName(name: string): boolean {
  return CHANNEL_NAME.test(name)
}
