/**
 * Text that devices have written. It becomes text nodes, and characters that would hide something or
 * change the order of what is read become visible: control characters, marks of direction, others
 * without a form.
 */
import type { ComponentChildren } from 'preact'

const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
/** More is not drawn: a page must not be made slow by a message. */
const MAX_CHARACTERS = 10_000

export interface VisibleTextProps {
  readonly text: string
  /** Line breaks and tabs are what they are, for text in several lines. */
  readonly hasLines?: boolean
  readonly maxCharacters?: number
}

export function VisibleText({ text, hasLines, maxCharacters = MAX_CHARACTERS }: VisibleTextProps) {
  const start = text.slice(0, maxCharacters)
  const parts: ComponentChildren[] = []
  let from = 0
  for (const { 0: character, index } of start.matchAll(STEERING)) {
    if (hasLines === true && /[\n\t]/.test(character)) continue
    parts.push(start.slice(from, index), <Escaped key={index} character={character} />)
    from = index + character.length
  }
  parts.push(start.slice(from))
  if (start.length < text.length) parts.push('…')
  return <bdi class="visible-text">{parts}</bdi>
}

function Escaped({ character }: { character: string }) {
  return <span class="escaped">{escapeOf(character)}</span>
}

/** As in JSON: `\n`, `\u202e`. */
function escapeOf(character: string): string {
  const json = JSON.stringify(character).slice(1, -1)
  if (json !== character) return json
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('')
}
