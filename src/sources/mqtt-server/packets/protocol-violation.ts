/**
 * Thrown when a packet breaks the protocol. The connection it came from is closed with the reason
 * code (MQTT 5) or silently (MQTT 3.1.1, section 4.8).
 */
import { messageOf } from '../../../errors.ts'
import { cut } from '../../../shown-text.ts'
import { ReasonCode } from './protocol.ts'

/** It is logged and sent to the client, and it may quote what the client sent. */
const MAX_MESSAGE_CHARACTERS = 300

export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation'
  readonly reasonCode: number

  constructor(message: string, reasonCode: number = ReasonCode.malformedPacket) {
    super(cut(message, MAX_MESSAGE_CHARACTERS))
    this.reasonCode = reasonCode
  }
}

/** Any other error is a fault in the connector. */
export function asViolation(thrown: unknown): ProtocolViolation {
  if (thrown instanceof ProtocolViolation) return thrown
  return new ProtocolViolation(`fault: ${messageOf(thrown)}`, ReasonCode.unspecifiedError)
}
