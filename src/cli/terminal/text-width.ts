/** How many columns of a terminal a text takes. */
import stringWidth from 'string-width'

const PLAIN_ASCII = /^[\x20-\x7E]*$/
const GRAPHEMES = new Intl.Segmenter()
/** SGR sequences, of `style.ts`, and the text between them. It has no other control characters. */
const PIECES = /\p{Cc}\[[0-9;]*m|\P{Cc}+/gu

/** SGR sequences take none. */
export function widthOf(text: string): number {
  return PLAIN_ASCII.test(text) ? text.length : stringWidth(text)
}

/** As much of the text as fits into `columns`, with `…` at the end if that is not all of it. */
export function fitted(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  if (columns < 1) return ''
  let left = columns - 1
  let result = ''
  for (const [piece] of text.matchAll(PIECES)) {
    // Sequences after the cut are kept: they end the colours that were begun before it.
    if (piece.startsWith('\u001B')) result += piece
    else if (left > 0) {
      const start = startOf(piece, left)
      result += start === piece ? piece : `${start}…`
      left = start === piece ? left - widthOf(piece) : 0
    } else if (left === 0) {
      result += '…'
      left = -1
    }
  }
  return result
}

/** The longest start of whole characters, as people count them, that fits. */
function startOf(text: string, columns: number): string {
  let width = 0
  let end = 0
  for (const { segment, index } of GRAPHEMES.segment(text)) {
    width += widthOf(segment)
    if (width > columns) break
    end = index + segment.length
  }
  return text.slice(0, end)
}

/** Lines of at most `columns`, divided between words; undefined: one line. */
export function wrapped(text: string, columns: number | undefined, indent: string): string[] {
  const room = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(20, columns)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? `${indent}${word}` : `${line} ${word}`
    if (line !== '' && widthOf(longer) > room) {
      lines.push(line)
      line = `${indent}${word}`
    } else line = longer
  }
  return [...lines, line]
}
