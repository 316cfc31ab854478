/** Connects the command line to a process: arguments, exit code, output that can't be written. */
import { setImmediate as turn } from 'node:timers/promises'
import { messageOf, systemCodeOf } from '../errors.ts'
import type { CliContext } from './context.ts'
import { EXIT_FAILED, EXIT_FINE } from './exit-code.ts'
import { runCommandLine } from './program.ts'

/** How long open handles may keep the process alive after the command. */
const LINGER_MS = 1_000

export async function startCli(
  process: NodeJS.Process,
  loadConnector: CliContext['loadConnector'],
): Promise<void> {
  const closed = new AbortController()
  let isConnector = false
  let failure: unknown
  // Log lines and what `run` prints matter less than the messages: if they can't be written,
  // because the disk they go to is full, the connector goes on.
  process.stderr.on('error', (error) => {
    if (systemCodeOf(error) === 'EPIPE') closed.abort()
  })
  process.stdout.on('error', (error) => {
    if (systemCodeOf(error) !== 'EPIPE') failure ??= error
    closed.abort()
  })
  const context: CliContext = {
    process,
    loadConnector: () => {
      isConnector = true
      return loadConnector()
    },
    outputClosed: closed.signal,
  }
  const code = await runCommandLine(process.argv, context)
  // An error of the last write arrives in the next turn.
  await turn()
  const isOutputLost = failure !== undefined && !isConnector
  if (isOutputLost) {
    process.stderr.write(`error: writing to standard output: ${messageOf(failure)}\n`)
  }
  process.exitCode = isOutputLost && code === EXIT_FINE ? EXIT_FAILED : code
  setTimeout(() => process.exit(), LINGER_MS).unref()
}
