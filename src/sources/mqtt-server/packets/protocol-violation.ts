/**
 * Thrown while a packet is read that breaks the protocol; the connection it came from is closed
 * with the reason code (MQTT 5) or without a word (MQTT 3.1.1, section 4.8).
 */
import { messageOf } from '../../../errors.ts'
import { ReasonCode } from './protocol.ts'

export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation'
  readonly reasonCode: number

  constructor(message: string, reasonCode: number = ReasonCode.malformedPacket) {
    super(message)
    this.reasonCode = reasonCode
  }
}

/** Anything else that was thrown is a fault of ours. */
export function asViolation(thrown: unknown): ProtocolViolation {
  if (thrown instanceof ProtocolViolation) return thrown
  return new ProtocolViolation(`fault: ${messageOf(thrown)}`, ReasonCode.unspecifiedError)
}
