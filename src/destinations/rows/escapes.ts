/** Copies text and puts escapes in place of some bytes. */

/** By byte: what stands in its place. Undefined: the byte stands for itself. */
export type Escapes = readonly (Buffer | undefined)[]

/** @param escapeOf the escape of a byte, in ASCII; undefined if it stands for itself */
export function escapesOf(escapeOf: (byte: number) => string | undefined): Escapes {
  return Array.from({ length: 256 }, (_, byte) => {
    const text = escapeOf(byte)
    return text === undefined ? undefined : Buffer.from(text)
  })
}

/** Copies `source[start, stop)` to `at`, where room must be. Returns where the copy ends. */
function copyEscaped(
  source: Buffer,
  start: number,
  stop: number,
  escapes: Escapes,
  target: Buffer,
  at: number,
): number {
  let end = at
  for (let i = start; i < stop; i++) {
    const byte = source[i] ?? 0
    const given = escapes[byte]
    if (given === undefined) target[end++] = byte
    else for (let k = 0; k < given.length; k++) target[end++] = given[k] ?? 0
  }
  return end
}

const QUOTE = 0x22

/** The same between quotes. */
export function copyQuoted(
  source: Buffer,
  start: number,
  stop: number,
  escapes: Escapes,
  target: Buffer,
  at: number,
): number {
  target[at] = QUOTE
  const end = copyEscaped(source, start, stop, escapes, target, at + 1)
  target[end] = QUOTE
  return end + 1
}
