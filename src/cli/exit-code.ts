/** Exit codes, and the texts of errors. */
import { CommanderError } from 'commander'
import { nearestName } from '../config/schema/schema-index.ts'
import { ConnectorError, messageOf } from '../errors.ts'

export const EXIT_FINE = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2
/** The connector answers, and something is wrong with it. */
export const EXIT_NOT_WELL = 3

/** Ends the help of every command. */
export const EXIT_CODES_HELP = `
Exit codes:
  0  success
  1  failure while running
  2  invalid usage or configuration`

/** A mistake on the command line; only its message is shown. */
export function usageError(message: string): CommanderError {
  return new CommanderError(EXIT_USAGE, 'usage', message)
}

/** @param names of all commands */
export function unknownCommand(name: string, names: readonly string[]): CommanderError {
  const near = nearestName(name, names)
  const hint = near === undefined ? `expected one of ${names.join(', ')}` : `did you mean ${near}?`
  return usageError(`unknown command ${name}; ${hint}`)
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_FINE : EXIT_USAGE
  if (thrown instanceof ConnectorError && thrown.code === 'InvalidConfiguration') return EXIT_USAGE
  return EXIT_FAILED
}

/** The text for standard error; undefined if commander has written its own. */
export function errorTextOf(thrown: unknown): string | undefined {
  if (thrown instanceof CommanderError) {
    return thrown.code === 'usage' ? `error: ${thrown.message}` : undefined
  }
  if (!isBug(thrown)) return `error: ${messageOf(thrown)}`
  return `error: ${thrown.message}\nThis is a bug in the program. Please report it, with the output of --log-level debug.`
}

/** Whether the error can only be a bug in the program. */
export function isBug(thrown: unknown): thrown is Error {
  if (!(thrown instanceof Error) || thrown instanceof CommanderError) return false
  return !(thrown instanceof ConnectorError) || thrown.code === 'Unexpected'
}
