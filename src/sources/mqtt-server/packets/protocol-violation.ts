/**
 * Thrown when a packet breaks the protocol. The connection it came from is closed with the reason
 * code (MQTT 5) or silently (MQTT 3.1.1, section 4.8).
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

/** Any other error is a fault in the connector. */
export function asViolation(thrown: unknown): ProtocolViolation {
  if (thrown instanceof ProtocolViolation) return thrown
  return new ProtocolViolation(`fault: ${messageOf(thrown)}`, ReasonCode.unspecifiedError)
}
