/**
 * Computes a number from a message's attributes. If it is Undefined, the message has no such
 * attribute afterwards, so that no older value is taken for the result.
 */
import { type AttributePath, attributeAt, removeAttribute } from '../expressions/attribute-path.ts'
import { compileMath } from '../expressions/compile.ts'
import { isEmpty, type JsonObject } from '../json/json-value.ts'
import type { MessageActivity } from './activity.ts'
import { setOrFail } from './set-or-fail.ts'

/** @throws {ExpressionError} */
export function math(name: string, attribute: AttributePath, expression: string): MessageActivity {
  const compute = compileMath(expression)
  return {
    kind: 'message',
    name,
    changesMessages: true,
    dropReason: 'empty',
    transform(message: JsonObject) {
      const result = compute(message)
      if (result !== undefined) {
        setOrFail(message, attribute, result)
        return message
      }
      clear(message, attribute)
      return isEmpty(message) ? undefined : message
    },
  }
}

/** An element of an array becomes null, because the others must stay in their places. */
function clear(message: JsonObject, attribute: AttributePath): void {
  if (attributeAt(message, attribute.steps) === undefined) return
  if (typeof attribute.steps.at(-1) === 'number') setOrFail(message, attribute, null)
  else removeAttribute(message, attribute.steps)
}
