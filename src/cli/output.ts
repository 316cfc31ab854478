/** What commands write to standard output. */
import { once } from 'node:events'
import type { CliContext } from './context.ts'

/** Writes lines no faster than they are read, until the reader closes standard output. */
export async function writeLines(
  { process: { stdout }, outputClosed }: CliContext,
  lines: AsyncIterable<string>,
): Promise<void> {
  try {
    for await (const line of lines) {
      const isRoomLeft = stdout.write(`${line}\n`)
      if (!isRoomLeft) await once(stdout, 'drain', { signal: outputClosed })
    }
  } catch (thrown) {
    // A closed output ends the command; it is not a failure.
    if (!outputClosed.aborted) throw thrown
  }
}

/** A device's bytes must not steer the terminal: control characters are shown, not sent. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    JSON.stringify(character) === `"${character}"`
      ? `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
      : JSON.stringify(character).slice(1, -1),
  )
}
