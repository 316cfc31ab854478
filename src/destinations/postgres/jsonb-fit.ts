/**
 * Whether `jsonb` keeps all that a JSON text says. It has no U+0000, keeps only the last of two
 * members with the same name, and its numbers have a range. White space, the order of members and
 * the way a number is written (1e2 or 100) do not count.
 */

/** More members in one object are compared by making an object of the text. */
const MAX_COMPARED = 16
/** Within what `numeric` can hold, and short enough when it is written with all its digits. */
const MAX_NUMBER_BYTES = 1_000
const MAX_EXPONENT = 400

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ARRAY = -1

const NO = -1

/** Where the names are of the objects that are open at this place, and where each object's begin. */
const starts: number[] = []
const ends: number[] = []
const frames: number[] = []
/** The arrays are used again for every text. These are the numbers of elements that count. */
let open = 0
let depth = 0
/** The next string is the name of a member. */
let isName = false
let names = 0
/** Names can't be compared byte by byte, or there are too many. */
let mustParse = false

/** @param bytes `[start, stop)` is JSON: `isJson` has said so */
export function fitsJsonb(bytes: Buffer, start: number, stop: number): boolean {
  open = 0
  depth = 0
  isName = false
  names = 0
  mustParse = false
  let at = start
  while (at < stop) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) at = afterString(bytes, at)
    else if (isPartOfNumber(byte)) at = afterNumber(bytes, at, stop)
    else {
      structure(byte)
      at++
    }
    if (at === NO) return false
  }
  return !mustParse || namesOf(JSON.parse(bytes.toString('utf8', start, stop))) === names
}

/** Follows which objects and arrays are open. White space and words change nothing. */
function structure(byte: number): void {
  switch (byte) {
    case 0x7b: // {
      frames[depth++] = open
      isName = true
      break
    case 0x5b: // [
      frames[depth++] = ARRAY
      isName = false
      break
    case 0x7d: // }
      isName = false
      depth--
      open = frames[depth] ?? 0
      break
    case 0x5d: // ]
      depth--
      break
    case 0x2c: // ,
      isName = frames[depth - 1] !== ARRAY
  }
}

/** The place after the string, or NO if jsonb does not keep it. */
function afterString(bytes: Buffer, at: number): number {
  const end = endOfString(bytes, at + 1)
  if (end === NO || !isName) return end
  isName = false
  names++
  mustParse ||= open - (frames[depth - 1] ?? 0) >= MAX_COMPARED
  mustParse ||= hasEscape(bytes, at, end)
  if (!mustParse && isRepeated(bytes, at, end)) return NO
  starts[open] = at
  ends[open] = end
  open++
  return end
}

function hasEscape(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === BACKSLASH) return true
  return false
}

/** In a valid text, outside of strings: only numbers begin with these. */
function isPartOfNumber(byte: number): boolean {
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39)
}

/** Whether the innermost object has this name already. */
function isRepeated(bytes: Buffer, start: number, end: number): boolean {
  for (let i = frames[depth - 1] ?? 0; i < open; i++) {
    const other = starts[i] ?? 0
    if ((ends[i] ?? 0) - other !== end - start) continue
    let same = 1
    while (same < end - start && bytes[start + same] === bytes[other + same]) same++
    if (same === end - start) return true
  }
  return false
}

/** The place after the string, or NO if it contains U+0000. */
function endOfString(bytes: Buffer, from: number): number {
  let at = from
  for (;;) {
    const byte = bytes[at]
    if (byte === QUOTE || byte === undefined) return at + 1
    if (byte !== BACKSLASH) {
      at++
      continue
    }
    if (isZeroEscape(bytes, at + 1)) return NO
    at += 2
  }
}

/** `u0000` */
function isZeroEscape(bytes: Buffer, at: number): boolean {
  if (bytes[at] !== 0x75) return false
  for (let i = at + 1; i < at + 5; i++) if (bytes[i] !== 0x30) return false
  return true
}

/** The place after the number, or NO if it is too long or its exponent too large. */
function afterNumber(bytes: Buffer, start: number, stop: number): number {
  let at = start
  let exponent = NO
  while (at < stop) {
    const byte = bytes[at] ?? 0
    if ((byte | 0x20) === 0x65) exponent = 0
    else if (byte >= 0x30 && byte <= 0x39) {
      if (exponent >= 0) exponent = Math.min(exponent * 10 + byte - 0x30, MAX_EXPONENT + 1)
    } else if (byte !== 0x2b && byte !== 0x2d && byte !== 0x2e) break
    at++
  }
  return exponent > MAX_EXPONENT || at - start > MAX_NUMBER_BYTES ? NO : at
}

/** The number of members of all objects in it. */
function namesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const values = Object.values(value)
  let names = Array.isArray(value) ? 0 : values.length
  for (const one of values) names += namesOf(one)
  return names
}
