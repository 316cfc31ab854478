/** Values of JSON as pipelines hold them. */

/** Integers that a number cannot hold exactly are bigints (`exact-json.ts`). */
export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | JsonObject

export interface JsonObject {
  [name: string]: JsonValue
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether the object has no members. */
export function isEmpty(object: JsonObject): boolean {
  for (const _ in object) return false
  return true
}

/** A value that shares nothing with the other, so that a change to one does not change both. */
export function copyOf(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf)
  const copy: JsonObject = {}
  for (const name of Object.keys(value)) setMember(copy, name, copyOf(value[name] ?? null))
  return copy
}

/** An own member only: `constructor` is none, unless the message has one. */
export function memberOf(object: JsonObject, name: string): JsonValue | undefined {
  return isInherited(name) && !Object.hasOwn(object, name) ? undefined : object[name]
}

/** An assignment to `__proto__` would change the object's prototype. */
export function setMember(object: JsonObject, name: string, value: JsonValue): void {
  if (isInherited(name)) {
    const property = { value, writable: true, enumerable: true, configurable: true }
    Object.defineProperty(object, name, property)
  } else {
    object[name] = value
  }
}

/** Whether every object has something of this name from its prototype. */
function isInherited(name: string): boolean {
  return name in Object.prototype
}

/** What a value is called in errors. */
export function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return KINDS[typeof value] ?? 'an object'
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  bigint: 'a number',
  boolean: 'a boolean',
}
