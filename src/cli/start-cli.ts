/** Connects the command line to a process: arguments, exit code, closed output. */
import { systemCodeOf } from '../errors.ts'
import type { CliContext } from './context.ts'
import { runCommandLine } from './program.ts'

/** How long open handles may keep the process alive after the command. */
const LINGER_MS = 1_000

export async function startCli(
  process: NodeJS.Process,
  loadConnector: CliContext['loadConnector'],
): Promise<void> {
  const closed = new AbortController()
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error) => {
      if (systemCodeOf(error) === 'EPIPE') closed.abort()
      else throw error
    })
  }
  const context = { process, loadConnector, outputClosed: closed.signal }
  process.exitCode = await runCommandLine(process.argv, context)
  setTimeout(() => process.exit(), LINGER_MS).unref()
}
