/** Removes attributes. A message that has none left is not stored. */
import {
  type AttributePath,
  type PathSteps,
  removeAttribute,
} from '../expressions/attribute-path.ts'
import { isEmpty, type JsonObject } from '../json/json-value.ts'
import type { MessageActivity } from './activity.ts'

export function removeAttributes(name: string, paths: readonly AttributePath[]): MessageActivity {
  const all = paths.map(({ steps }) => steps).sort(highIndexesFirst)
  return {
    kind: 'message',
    name,
    changesMessages: true,
    dropReason: 'empty',
    transform(message: JsonObject) {
      for (const steps of all) removeAttribute(message, steps)
      return isEmpty(message) ? undefined : message
    },
  }
}

/** The elements behind one that is removed move up, so they have to go first. */
function highIndexesFirst(left: PathSteps, right: PathSteps): number {
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [a = '', b = ''] = [left[i], right[i]]
    if (a === b) continue
    if (typeof a === 'number' && typeof b === 'number') return b - a
    return String(a) < String(b) ? -1 : 1
  }
  return right.length - left.length
}
