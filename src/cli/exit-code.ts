/** Exit codes: 0 fine, 1 failed while running, 2 bad usage or configuration. */
import { CommanderError } from 'commander'
import { ConnectorError, messageOf } from '../errors.ts'

export const EXIT_FINE = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

/** Help for every command's end. */
export const EXIT_CODES_HELP = `
Exit codes:
  0  fine
  1  failed while running
  2  bad usage or configuration`

/** What the user did wrong on the command line. Its message is all there is to say. */
export function usageError(message: string): CommanderError {
  return new CommanderError(EXIT_USAGE, 'usage', message)
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_FINE : EXIT_USAGE
  if (thrown instanceof ConnectorError && thrown.code === 'InvalidConfiguration') return EXIT_USAGE
  return EXIT_FAILED
}

/** The text for standard error; undefined when commander has written its own. */
export function errorTextOf(thrown: unknown): string | undefined {
  if (thrown instanceof CommanderError) {
    return thrown.code === 'usage' ? `error: ${thrown.message}` : undefined
  }
  if (!isFault(thrown)) return `error: ${messageOf(thrown)}`
  return `error: ${thrown.message}\nThis is a fault in the program. Please report it, with --log-level debug for where it happened.`
}

/** Whether something can be nothing but a fault of ours. */
export function isFault(thrown: unknown): thrown is Error {
  if (!(thrown instanceof Error) || thrown instanceof CommanderError) return false
  return !(thrown instanceof ConnectorError) || thrown.code === 'Unexpected'
}
