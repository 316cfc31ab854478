/** Which messages are shown: those that match all that is asked for. */
import type { Condition } from './condition.ts'
import { payloadText, payloadValue, type StoredMessage } from './stored-message.ts'

export interface Selection {
  /** Matches the topic or the payload. */
  readonly grep: RegExp | undefined
  readonly where: readonly Condition[]
}

export function selects({ grep, where }: Selection, message: StoredMessage): boolean {
  if (grep !== undefined) {
    const texts = [String(message.fields.get('topic')), payloadText(message) ?? '']
    if (!texts.some((text) => grep.test(text))) return false
  }
  if (where.length === 0) return true
  const payload = payloadValue(message)
  return where.every((holds) => holds(payload))
}
