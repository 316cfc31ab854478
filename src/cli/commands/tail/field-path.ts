/** The path to a value in a payload of JSON: `temp`, `motor.temp`, `readings[0]`, `"a.b".c`. */
import { InvalidArgumentError } from 'commander'

export interface FieldPath {
  readonly text: string
  readonly keys: readonly (string | number)[]
}

/** A name, a name in quotes, or an index. */
const KEY = /(?:^|\.)(?:([^.[\]"\s]+)|("(?:[^"\\]|\\.)+"))|\[(\d{1,9})\]/y

export function parseFieldPath(text: string): FieldPath {
  const keys: (string | number)[] = []
  KEY.lastIndex = 0
  while (KEY.lastIndex < text.length) {
    const [, name, quotedName, index] = KEY.exec(text) ?? invalid(text)
    if (index !== undefined) keys.push(Number(index))
    else keys.push(name ?? unquoted(quotedName ?? '', text))
  }
  return keys.length === 0 ? invalid(text) : { text, keys }
}

/** Undefined if there is none. */
export function valueAt(value: unknown, { keys }: FieldPath): unknown {
  let found = value
  for (const key of keys) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = Reflect.get(found, key)
  }
  return found
}

function unquoted(quotedName: string, text: string): string {
  try {
    return String(JSON.parse(quotedName))
  } catch {
    return invalid(text)
  }
}

function invalid(text: string): never {
  throw new InvalidArgumentError(
    `Expected a path such as temp, motor.temp or readings[0], got ${JSON.stringify(text)}.`,
  )
}
