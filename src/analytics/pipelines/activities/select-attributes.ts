/** Makes a new message of the attributes that are listed, all of them at its root. */
import { type AttributePath, attributeAt } from '../expressions/attribute-path.ts'
import { isEmpty, type JsonObject, setMember } from '../json/json-value.ts'
import type { MessageActivity } from './activity.ts'

export function selectAttributes(name: string, paths: readonly AttributePath[]): MessageActivity {
  const selections = paths.map(({ steps }) => ({ steps, name: rootNameOf(steps) }))
  return {
    kind: 'message',
    name,
    changesMessages: true,
    dropReason: 'empty',
    transform(message: JsonObject) {
      const selected: JsonObject = {}
      for (const { steps, name } of selections) {
        const value = attributeAt(message, steps)
        if (value !== undefined) setMember(selected, name, value)
      }
      return isEmpty(selected) ? undefined : selected
    },
  }
}

/**
 * The last part of the path: `temp` of `device.temp`, and `coord[0]` of `device.coord[0]`, so that
 * several elements of an array do not replace each other.
 */
function rootNameOf(steps: AttributePath['steps']): string {
  const at = steps.findLastIndex((step) => typeof step === 'string')
  const [name = '', ...indexes] = steps.slice(at)
  return [name, ...indexes.map((index) => `[${index}]`)].join('')
}
