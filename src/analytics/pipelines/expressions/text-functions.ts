/** Functions of text, for conditions. AWS documents none; these are the ones SQL has everywhere. */
import type { JsonValue } from '../json/json-value.ts'

/** Each takes one text, and is Undefined for every other value. */
export const TEXT_FUNCTIONS: ReadonlyMap<string, (text: string) => JsonValue> = new Map<
  string,
  (text: string) => JsonValue
>([
  ['length', (text) => text.length],
  ['lower', (text) => text.toLowerCase()],
  ['trim', (text) => text.trim()],
  ['upper', (text) => text.toUpperCase()],
])
