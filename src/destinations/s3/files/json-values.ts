/** Single JSON values, which have been checked before: their types, and the numbers they mean. */
import type { ColumnType } from './column-options.ts'

const QUOTE = 0x22
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const OPEN_ARRAY = 0x5b
const LETTER_F = 0x66
const LETTER_N = 0x6e
const LETTER_T = 0x74
const OPEN_OBJECT = 0x7b

export function isNull(firstByte: number): boolean {
  return firstByte === LETTER_N
}

export function isContainer(firstByte: number): boolean {
  return firstByte === OPEN_ARRAY || firstByte === OPEN_OBJECT
}

/** Numbers are doubles, because a device may send 21 and then 21.5. */
export function typeOfValue(firstByte: number): ColumnType | undefined {
  if (firstByte === QUOTE) return 'string'
  if (firstByte === LETTER_T || firstByte === LETTER_F) return 'boolean'
  return isContainer(firstByte) || isNull(firstByte) ? undefined : 'double'
}

export function isTrue(firstByte: number): boolean {
  return firstByte === LETTER_T
}

/** Up to this many digits a number's digits are exact as a double. */
const EXACT_DIGITS = 15
/** Powers of ten that are exact as doubles. */
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power)

/** The number in `bytes[start, stop)`, the same as JSON.parse makes of it. */
export function numberIn(bytes: Buffer, start: number, stop: number): number {
  const isNegative = bytes[start] === MINUS
  let at = isNegative ? start + 1 : start
  if (stop - at > EXACT_DIGITS + 1) return slowNumberIn(bytes, start, stop)
  let digits = 0
  let pointAt = -1
  for (; at < stop; at++) {
    const byte = bytes[at] ?? 0
    if (byte >= ZERO && byte <= NINE) digits = digits * 10 + (byte - ZERO)
    else if (byte === POINT) pointAt = at
    else return slowNumberIn(bytes, start, stop)
  }
  // Both are exact, so the quotient is the double that is nearest to the decimal number.
  const value = pointAt < 0 ? digits : digits / (POWERS[stop - pointAt - 1] ?? 1)
  return isNegative ? -value : value
}

function slowNumberIn(bytes: Buffer, start: number, stop: number): number {
  return Number(bytes.toString('latin1', start, stop))
}
