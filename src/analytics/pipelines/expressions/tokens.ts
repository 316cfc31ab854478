/** An expression as tokens. */
import { ExpressionError } from './expression-error.ts'

export interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'quotedName' | 'mark' | 'end'
  /** As it is written; of texts and quoted names what stands between the quotes. */
  readonly text: string
  /** Its index in the expression. */
  readonly at: number
}

/** AWS's limit. */
export const MAX_EXPRESSION_CHARACTERS = 256

const WHITE = /\s*/y
/** In this order. Two points in a number, or letters after it, are found by the parser. */
const PATTERNS: readonly (readonly [kind: Token['kind'], pattern: RegExp])[] = [
  ['number', /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['name', /[\p{L}_$][\p{L}\p{N}_$]*/uy],
  ['quotedName', /`(?:[^`]|``)+`/y],
  ['text', /'(?:[^']|'')*'/y],
  ['mark', /<>|!=|<=|>=|[-+*/%=<>(),.[\]]/y],
]

const HINTS: readonly (readonly [start: string, problem: string])[] = [
  ['==', 'write = to compare'],
  ['&&', 'write AND'],
  ['||', 'write OR'],
  ['"', "text stands between '…', a name with other characters between `…`"],
  ["'", 'this text has no closing quote'],
  ['`', 'this name has no closing quote'],
]

/** @throws {ExpressionError} */
export function tokensOf(text: string): Token[] {
  if (text.length > MAX_EXPRESSION_CHARACTERS) {
    const problem = `expected at most ${MAX_EXPRESSION_CHARACTERS} characters, got ${text.length}`
    throw new ExpressionError(
      text.slice(0, MAX_EXPRESSION_CHARACTERS),
      MAX_EXPRESSION_CHARACTERS,
      problem,
    )
  }
  const tokens: Token[] = []
  let at = afterWhite(text, 0)
  while (at < text.length) {
    const end = readToken(text, at, tokens)
    at = afterWhite(text, end)
  }
  tokens.push({ kind: 'end', text: '', at: text.length })
  return tokens
}

/** Where the token ends. */
function readToken(text: string, at: number, tokens: Token[]): number {
  const hint = HINTS.find(([start]) => start.length === 2 && text.startsWith(start, at))
  if (hint !== undefined) throw new ExpressionError(text, at, hint[1])
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null) continue
    tokens.push({ kind, text: unquoted(kind, match[0]), at })
    return pattern.lastIndex
  }
  const problem = HINTS.find(([start]) => text.startsWith(start, at))?.[1]
  throw new ExpressionError(text, at, problem ?? 'no expression contains this character')
}

function unquoted(kind: Token['kind'], written: string): string {
  if (kind !== 'text' && kind !== 'quotedName') return written
  const quote = written.charAt(0)
  return written.slice(1, -1).replaceAll(quote + quote, quote)
}

function afterWhite(text: string, at: number): number {
  WHITE.lastIndex = at
  WHITE.exec(text)
  return WHITE.lastIndex
}
