/**
 * The pattern of LIKE: `%` stands for any text, `_` for one character. Written out instead of made
 * into a regular expression, whose time can grow exponentially with a device's text. Here it is at
 * most the length of the text times that of the pattern.
 */

/** Stands for one character in a part of a pattern. */
const ANY = Symbol('any character')
type Part = readonly (string | typeof ANY)[]

/** @throws {RangeError} if the escape character is followed by neither `%`, `_` nor itself */
export function likePattern(pattern: string, escapeCharacter?: string): (text: string) => boolean {
  const parts = partsOf(pattern, escapeCharacter)
  if (parts.some((part) => part.includes(ANY))) {
    const matches = matcherOf(parts, matchesPart)
    return (text) => matches([...text])
  }
  const texts = parts.map((part) => part.join(''))
  return matcherOf<string, string>(texts, (text, at, part) => text.startsWith(part, at))
}

/** What stands between the `%`. */
function partsOf(pattern: string, escapeCharacter: string | undefined): Part[] {
  const characters = [...pattern]
  let part: (string | typeof ANY)[] = []
  const parts = [part]
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? ''
    if (character === escapeCharacter) {
      part.push(escapedAt(characters, ++i, escapeCharacter))
    } else if (character === '%') {
      part = []
      parts.push(part)
    } else {
      part.push(character === '_' ? ANY : character)
    }
  }
  return parts
}

function escapedAt(characters: readonly string[], at: number, escapeCharacter: string): string {
  const character = characters[at]
  if (character === '%' || character === '_' || character === escapeCharacter) return character
  throw new RangeError(`expected %, _ or ${escapeCharacter} after ${escapeCharacter}`)
}

function matchesPart(characters: readonly string[], at: number, part: Part): boolean {
  for (let i = 0; i < part.length; i++) {
    const expected = part[i]
    if (expected !== ANY && expected !== characters[at + i]) return false
  }
  return true
}

interface Measured {
  readonly length: number
}

/** The first part at the start, the last at the end, those between as early as possible. */
function matcherOf<Text extends Measured, Piece extends Measured>(
  parts: readonly Piece[],
  matchesAt: (text: Text, at: number, part: Piece) => boolean,
): (text: Text) => boolean {
  const [first, ...others] = parts
  const last = others.pop()
  if (first === undefined) return () => false
  if (last === undefined) return (text) => text.length === first.length && matchesAt(text, 0, first)
  return (text) => {
    const end = text.length - last.length
    if (end < first.length || !matchesAt(text, 0, first)) return false
    let at = first.length
    for (const part of others) {
      while (at + part.length <= end && !matchesAt(text, at, part)) at++
      at += part.length
      if (at > end) return false
    }
    return matchesAt(text, end, last)
  }
}
