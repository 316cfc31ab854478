/**
 * The format of a timestamp partition, as Java's DateTimeFormatter writes it (`yyyy-MM-dd HH:mm`),
 * in the terms of DuckDB's `strptime`.
 */
import { quoted } from '../../../shown-text.ts'

const FIELDS: Readonly<Record<string, string>> = {
  yyyy: '%Y',
  uuuu: '%Y',
  yy: '%y',
  MMMM: '%B',
  MMM: '%b',
  MM: '%m',
  M: '%m',
  dd: '%d',
  d: '%d',
  EEEE: '%A',
  EEE: '%a',
  HH: '%H',
  H: '%H',
  hh: '%I',
  h: '%I',
  mm: '%M',
  m: '%M',
  ss: '%S',
  s: '%S',
  SSS: '%g',
  SSSSSS: '%f',
  a: '%p',
  X: '%z',
  XX: '%z',
  XXX: '%z',
  Z: '%z',
}
/** A run of one letter; a text in quotes, or two quotes for one; anything else. */
const PARTS = /([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']/g

/** @throws {RangeError} that names what can't be used */
export function strptimeFormatOf(format: string): string {
  let rest = format
  const text = format.replace(PARTS, (part, letter: string | undefined, literal?: string) => {
    rest = rest.replace(part, '')
    if (literal !== undefined) return literal === '' ? "'" : escaped(literal.replaceAll("''", "'"))
    if (letter === undefined) {
      if (part === '[' || part === ']') throw unusable(part, format)
      return escaped(part)
    }
    const field = Object.hasOwn(FIELDS, part) ? FIELDS[part] : undefined
    if (field === undefined) throw unusable(part, format)
    return field
  })
  if (rest !== '') throw unusable(rest, format)
  return text
}

function escaped(text: string): string {
  return text.replaceAll('%', '%%')
}

function unusable(part: string, format: string): RangeError {
  const known = Object.keys(FIELDS).join(' ')
  return new RangeError(`expected ${known} and text in quotes, got ${part} in ${quoted(format)}`)
}
