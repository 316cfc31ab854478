/** Sets an attribute that an activity makes. */
import { type AttributePath, setAttribute } from '../expressions/attribute-path.ts'
import type { JsonObject, JsonValue } from '../json/json-value.ts'
import { ActivityFailure } from './activity.ts'

/** @throws {ActivityFailure} if the path leads through a value that has no such attributes */
export function setOrFail(message: JsonObject, path: AttributePath, value: JsonValue): void {
  if (setAttribute(message, path.steps, value)) return
  const reason = 'a part of its path is another kind of value, or its index is beyond the array'
  throw new ActivityFailure(`the attribute ${path.text} cannot be set: ${reason}`)
}
