/** Writes lines to standard output as fast as they are read there, until nobody reads on. */
import { once } from 'node:events'
import type { CliContext } from './cli-context.ts'

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
    // Nobody reads on: that is an end, not a failure.
    if (!outputClosed.aborted) throw thrown
  }
}
