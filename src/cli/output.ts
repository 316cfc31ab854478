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
