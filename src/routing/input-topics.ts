/** The topics that the specification defines for input ("Input Data"). */

/** The filters that a source must subscribe to at another broker. */
export const PREDEFINED_FILTERS: readonly string[] = [
  'iotanalytics/channels/+/messages/put',
  'iotanalytics/channels/+/messages/binary/put',
]

const PREDEFINED = /^iotanalytics\/channels\/([^/]*)\/messages\/(binary\/)?put$/

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
