/** How the two nuclei change the JSON that they carry. */
import { IpcError } from './ipc-error.ts'

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON as Gson writes it after it has read each number as a Java double: `1` becomes `1.0`. */
export function gsonText(value: unknown): string {
  if (typeof value === 'number') return javaDouble(value)
  if (Array.isArray(value)) return `[${value.map(gsonText).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${gsonText(each)}`).join(',')}}`
}

/** `Double.toString`: scientific notation below 0.001 and from ten million on. */
function javaDouble(value: number): string {
  const size = Math.abs(value)
  if (value === 0 || (size >= 1e-3 && size < 1e7)) return withFraction(String(value))
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  return `${withFraction(digits)}E${Number(exponent)}`
}

function withFraction(digits: string): string {
  return digits.includes('.') ? digits : `${digits}.0`
}

export function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys)
  if (!isObject(value)) return value
  const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([name, each]) => [name, withSortedKeys(each)]))
}

/** Scalars as strings, as lite reads a recipe's YAML. */
export function withStrings(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withStrings)
  if (!isObject(value)) return value === null ? null : String(value)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withStrings(each)]))
}

/** The members of all objects in it, and the items of all arrays. */
export function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inside: unknown[] = Object.values(value)
  return inside.reduce((count: number, each) => count + countMembers(each), inside.length)
}

export function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

/**
 * The nuclei read integers exactly to 64 bits; here those above 2^53 are rounded, as by
 * `JSON.parse`.
 * @throws IpcError when there is an integer that 64 bits cannot hold
 */
export function assertInt64(value: unknown): void {
  if (Number.isInteger(value) && Math.abs(Number(value)) >= 2 ** 63) {
    throw new IpcError('ServiceError')
  }
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(assertInt64)
}
