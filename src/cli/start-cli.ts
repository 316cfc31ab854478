/** Ties the command line to a process: its arguments, its exit code, the end of its output. */
import { systemCodeOf } from '../errors.ts'
import type { CliContext } from './cli-context.ts'
import { runCommandLine } from './program.ts'

/** How long what a command left open may keep the process after it. */
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
