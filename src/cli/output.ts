/** What commands write to standard output. */
import { once } from 'node:events'
import type { CliContext } from './context.ts'

/** Writes lines no faster than they are read, until the reader closes standard output. */
export async function writeLines(context: CliContext, lines: AsyncIterable<string>): Promise<void> {
  await writeParts(context, ended(lines))
}

/** The same for parts that are written as they are. */
export async function writeParts(
  { process: { stdout }, outputClosed }: CliContext,
  parts: AsyncIterable<string | Buffer>,
): Promise<void> {
  try {
    for await (const part of parts) {
      const isRoomLeft = stdout.write(part)
      if (!isRoomLeft) await once(stdout, 'drain', { signal: outputClosed })
    }
  } catch (thrown) {
    // A closed output ends the command; it is not a failure.
    if (!outputClosed.aborted) throw thrown
  }
}

async function* ended(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`
}
