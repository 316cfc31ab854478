/** Copies attributes to new places. The originals stay. */
import { type AttributePath, attributeAt } from '../expressions/attribute-path.ts'
import { copyOf, type JsonObject, type JsonValue } from '../json/json-value.ts'
import type { MessageActivity } from './activity.ts'
import { setOrFail } from './set-or-fail.ts'

export interface AttributeCopy {
  readonly from: AttributePath
  readonly to: AttributePath
}

export function addAttributes(name: string, copies: readonly AttributeCopy[]): MessageActivity {
  // The message has what it had when it came: one copy is not the source of the next.
  const values: (JsonValue | undefined)[] = copies.map(() => undefined)
  return {
    kind: 'message',
    name,
    changesMessages: true,
    dropReason: 'empty',
    transform(message: JsonObject) {
      for (let i = 0; i < copies.length; i++) {
        values[i] = attributeAt(message, copies[i]?.from.steps ?? [])
      }
      for (let i = 0; i < copies.length; i++) {
        const value = values[i]
        const to = copies[i]?.to
        if (value !== undefined && to !== undefined) setOrFail(message, to, copyOf(value))
      }
      return message
    },
  }
}
