/**
 * How conditions compare values. They know three outcomes, as in SQL: true, false and unknown, which
 * is undefined here. A missing attribute and null are unknown in every comparison.
 */
import { isDeepStrictEqual } from 'node:util'
import type { JsonValue } from '../json/json-value.ts'

export type Truth = boolean | undefined

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
/** Longer texts are no numbers that a device means. */
const MAX_DECIMAL_CHARACTERS = 64

/** The number that a text says; NaN if it says none. */
export function decimalOf(text: string): number {
  return text.length <= MAX_DECIMAL_CHARACTERS && DECIMAL.test(text) ? Number(text) : Number.NaN
}

/** Values of different types are not equal; arrays and objects are equal if their members are. */
export function areEqual(left: JsonValue | undefined, right: JsonValue | undefined): Truth {
  if (left === undefined || right === undefined || left === null || right === null) return undefined
  // An integer may be a number on one side and a bigint on the other.
  if (isNumeric(left) && isNumeric(right)) return !(left < right) && !(left > right)
  return typeof left === 'object' ? isDeepStrictEqual(left, right) : left === right
}

/**
 * Below zero if left comes first, 0 if they are equal, NaN if they cannot be compared. Texts are
 * compared as numbers if both are numeric, as text if both are text.
 */
export function orderOf(left: JsonValue | undefined, right: JsonValue | undefined): number {
  if (isNumeric(left) && isNumeric(right)) return left < right ? -1 : left > right ? 1 : 0
  const leftNumber = numericOf(left)
  const rightNumber = numericOf(right)
  if (!Number.isNaN(leftNumber) && !Number.isNaN(rightNumber)) return leftNumber - rightNumber
  if (typeof left !== 'string' || typeof right !== 'string') return Number.NaN
  return left < right ? -1 : left > right ? 1 : 0
}

function isNumeric(value: JsonValue | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function numericOf(value: JsonValue | undefined): number {
  if (typeof value === 'string') return decimalOf(value)
  return isNumeric(value) ? Number(value) : Number.NaN
}

/** A boolean, or a text that says one. */
export function truthOf(value: JsonValue | undefined): Truth {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string' || value.length > 5) return undefined
  const text = value.toLowerCase()
  return text === 'true' ? true : text === 'false' ? false : undefined
}
