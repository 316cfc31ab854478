/**
 * The topics the specification defines. Input: "Input Data"; output: "Output Data".
 */

/** Receipts go here. Nobody but the connector publishes on it, and it is never taken in. */
export const STATUS_TOPIC = 'iotanalytics/messages/put/status'

/** What a source that subscribes somewhere else must subscribe to. */
export const PREDEFINED_FILTERS: readonly string[] = [
  'iotanalytics/channels/+/messages/put',
  'iotanalytics/channels/+/messages/binary/put',
]

const PREDEFINED = /^iotanalytics\/channels\/([^/]*)\/messages\/(binary\/)?put$/
const CHANNEL_NAME = /^(?!__)[A-Za-z0-9_]{1,128}$/

export interface PredefinedTopic {
  readonly kind: 'formatted' | 'binary'
  /** As it stands in the topic; need not be a name a channel can have. */
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
