/** Lets messages pass for which a condition holds. The others are not stored. */
import { compileCondition } from '../expressions/compile.ts'
import type { MessageActivity } from './activity.ts'

/** @throws {ExpressionError} */
export function filter(name: string, condition: string): MessageActivity {
  const passes = compileCondition(condition)
  return {
    kind: 'message',
    name,
    changesMessages: false,
    dropReason: 'filtered',
    transform: (message) => (passes(message) ? message : undefined),
  }
}
