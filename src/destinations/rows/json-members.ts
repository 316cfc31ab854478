/**
 * The members of a JSON object, as places in its bytes: names and values are read only if a line
 * needs them.
 */
import {
  afterWhite,
  BACKSLASH,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  endOfString,
  endOfValue,
  NOT_JSON,
  OPEN_OBJECT,
  QUOTE,
} from './json-scan.ts'

/** A part of a buffer, from `start` up to, not including, `stop`. */
export interface Span {
  readonly start: number
  readonly stop: number
}

export interface Member {
  /** Between the quotes, still escaped. */
  readonly name: Span
  readonly value: Span
}

/** The members of the object in `bytes[start, stop)`; undefined if it is not one JSON object. */
export function membersOf(bytes: Buffer, start: number, stop: number): Member[] | undefined {
  const members: Member[] = []
  let at = afterWhite(bytes, start, stop)
  if (at >= stop || bytes[at] !== OPEN_OBJECT) return undefined
  at = afterWhite(bytes, at + 1, stop)
  while (at < stop && bytes[at] !== CLOSE_OBJECT) {
    if (members.length > 0) {
      if (bytes[at] !== COMMA) return undefined
      at = afterWhite(bytes, at + 1, stop)
    }
    const member = memberAt(bytes, at, stop)
    if (member === undefined) return undefined
    members.push(member)
    at = afterWhite(bytes, member.value.stop, stop)
  }
  return at < stop && afterWhite(bytes, at + 1, stop) === stop ? members : undefined
}

function memberAt(bytes: Buffer, at: number, stop: number): Member | undefined {
  if (at >= stop || bytes[at] !== QUOTE) return undefined
  const nameEnd = endOfString(bytes, at + 1, stop)
  if (nameEnd === NOT_JSON) return undefined
  const colon = afterWhite(bytes, nameEnd, stop)
  if (colon >= stop || bytes[colon] !== COLON) return undefined
  const start = afterWhite(bytes, colon + 1, stop)
  const end = endOfValue(bytes, start, stop, 1)
  if (end === NOT_JSON) return undefined
  return { name: { start: at + 1, stop: nameEnd - 1 }, value: { start, stop: end } }
}

/** The text of a string, from between its quotes. */
export function textIn(bytes: Buffer, { start, stop }: Span): string {
  const isEscaped = hasEscape(bytes, { start, stop })
  if (isEscaped) return JSON.parse(bytes.toString('utf8', start - 1, stop + 1))
  return bytes.toString('utf8', start, stop)
}

/** Beyond this number a set is faster than a look at all pairs. */
const MANY_MEMBERS = 16

/** Whether two members have the same name; JSON.parse would take the last one. */
export function hasSameNames(bytes: Buffer, members: readonly Member[]): boolean {
  if (members.length > MANY_MEMBERS || members.some(({ name }) => hasEscape(bytes, name))) {
    return new Set(members.map(({ name }) => textIn(bytes, name))).size < members.length
  }
  for (let i = 1; i < members.length; i++) {
    for (let k = 0; k < i; k++) if (isSame(bytes, members[i]?.name, members[k]?.name)) return true
  }
  return false
}

function isSame(bytes: Buffer, one: Span | undefined, other: Span | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return isSameText(bytes, one.start, one.stop, bytes, other.start, other.stop)
}

/** Whether `bytes[start, stop)` is the same as `other[from, to)`. */
export function isSameText(
  bytes: Buffer,
  start: number,
  stop: number,
  other: Buffer,
  from: number,
  to: number,
): boolean {
  if (stop - start !== to - from) return false
  for (let i = 0; i < stop - start; i++) if (bytes[start + i] !== other[from + i]) return false
  return true
}

/** Whether the inside of a string has a backslash. */
export function hasEscape(bytes: Buffer, { start, stop }: Span): boolean {
  for (let at = start; at < stop; at++) if (bytes[at] === BACKSLASH) return true
  return false
}
