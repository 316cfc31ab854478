/**
 * Hides from clients why something was refused, if `revealRefusals` is off and the reason is a
 * user, a password or an access rule. Logs and metrics still say why.
 */
import { ReasonCode } from '../packets/protocol.ts'

/** The other codes reveal nothing about users and rules. */
const ABOUT_ACCESS: ReadonlySet<number> = new Set([
  ReasonCode.badUserNameOrPassword,
  ReasonCode.notAuthorized,
  ReasonCode.connectionRateExceeded,
])

export interface MaskedRefusal {
  /**
   * If masked, 0x80: "does not wish to reveal the reason" (MQTT 5, tables 3-1, 3-4, 3-5, 3-8,
   * 3-10).
   */
  readonly code: number
  /** Properties to send with the code. */
  readonly reason: { readonly reasonString?: string }
  readonly isMasked: boolean
}

/** `code` is an MQTT 5 reason code. */
export function maskRefusal(code: number, reason: string, revealsRefusals: boolean): MaskedRefusal {
  const isMasked = !revealsRefusals && ABOUT_ACCESS.has(code)
  if (!isMasked) return { code, reason: { reasonString: reason }, isMasked }
  return { code: ReasonCode.unspecifiedError, reason: {}, isMasked }
}
