/** The MQTT 5 reason code that comes nearest to a refusal, of those a PUBACK may carry (section 3.4.2.1). */
import type { Refusal } from '../../message.ts'

const IMPLEMENTATION_SPECIFIC_ERROR = 0x83
const REASON_CODES: Readonly<Record<string, number>> = {
  NotAuthorized: 0x87,
  InvalidChannelName: 0x90,
  InvalidTopic: 0x90,
  QueueFull: 0x97,
  MemoryFull: 0x97,
  ActiveChannelLimit: 0x97,
  InvalidMessage: 0x99,
}

export function reasonCodeOf(refusal: Refusal): number {
  return REASON_CODES[refusal.error] ?? IMPLEMENTATION_SPECIFIC_ERROR
}
