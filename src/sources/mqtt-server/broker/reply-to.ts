/** Where the receipt of a message is sent, if its sender asks for one (MQTT 5, section 4.10). */
import type { ReplyTo } from '../../../message.ts'
import { ownBytes } from '../packets/packet-reader.ts'
import type { Properties } from '../packets/properties.ts'

/** It outlives the packet whose properties these are. */
export function replyTo({ responseTopic, correlationData }: Properties): ReplyTo | undefined {
  if (responseTopic === undefined) return undefined
  return { topic: responseTopic, correlation: correlationData && ownBytes(correlationData) }
}
