/** What a refused message is told in MQTT 5: the reason codes PUBACK and PUBREC may carry (table 3-4). */
import type { ErrorCode } from '../../../errors.ts'
import { ReasonCode } from '../packets/protocol.ts'

const REASONS: Partial<Record<ErrorCode, number>> = {
  QueueFull: ReasonCode.quotaExceeded,
  ActiveChannelLimit: ReasonCode.quotaExceeded,
  ChannelLimit: ReasonCode.quotaExceeded,
  StorageFull: ReasonCode.quotaExceeded,
  MemoryFull: ReasonCode.quotaExceeded,
  // "Packet too large" is for DISCONNECT alone; of PUBACK's codes an imposed limit comes nearest.
  MessageTooLarge: ReasonCode.quotaExceeded,
  InvalidMessage: ReasonCode.payloadFormatInvalid,
  InvalidChannelName: ReasonCode.topicNameInvalid,
  InvalidTopic: ReasonCode.topicNameInvalid,
  NotAuthorized: ReasonCode.notAuthorized,
}
const BY_NAME = new Map(Object.entries(REASONS))

export function refusalReason(error: string): number {
  return BY_NAME.get(error) ?? ReasonCode.implementationSpecific
}
