/**
 * What clients hear of refusals that come from users, passwords and rules. Where these are not to be
 * revealed they hear that something was refused and no more; logs and metrics say why all the same.
 */
import { ReasonCode } from '../packets/protocol.ts'

/** The other codes say nothing of who may do what. */
const ABOUT_ACCESS: ReadonlySet<number> = new Set([
  ReasonCode.badUserNameOrPassword,
  ReasonCode.notAuthorized,
  ReasonCode.connectionRateExceeded,
])

export interface Disclosed {
  /** "Does not wish to reveal the reason" (MQTT 5, tables 3-1, 3-4, 3-5, 3-8, 3-10) where it is kept back. */
  readonly code: number
  /** What goes beside it. */
  readonly reason: { readonly reasonString?: string }
  readonly isKeptBack: boolean
}

/** `code` is one of MQTT 5. */
export function disclosed(code: number, reason: string, revealsRefusals: boolean): Disclosed {
  const isKeptBack = !revealsRefusals && ABOUT_ACCESS.has(code)
  if (!isKeptBack) return { code, reason: { reasonString: reason }, isKeptBack }
  return { code: ReasonCode.unspecifiedError, reason: {}, isKeptBack }
}
