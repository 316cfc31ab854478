/**
 * The log: pino writes one JSON object per line to standard error, or lines for people. Fields with
 * the names of secrets are censored in the first three levels of a line.
 */
import { type Logger, pino, stdTimeFunctions } from 'pino'
import { safeJson } from '../../shown-text.ts'
import type { LogOptions } from '../options.ts'
import { prettyLine } from './pretty-line.ts'

export type { Logger } from 'pino'

/** What a logger writes to: `process.stderr`, or anything that takes lines. */
export interface LogOutput {
  write(line: string): unknown
  readonly isTTY?: boolean
  /** Node's terminals derive this from TERM, NO_COLOR and FORCE_COLOR. */
  hasColors?(): boolean
}

const SECRET_FIELDS = [
  'password',
  'passphrase',
  'secret',
  'token',
  'authorization',
  'secretAccessKey',
  'sessionToken',
]

/** The fields above at the first, second and third level of a line. */
function secretPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`])
}

export function createLogger(options: LogOptions, output: LogOutput = process.stderr): Logger {
  const forPeople =
    options.format === 'pretty' || (options.format === 'auto' && output.isTTY === true)
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths(), censor: '[secret]' },
    },
    forPeople
      ? linesForPeople(output)
      : { write: (line) => writeIfPossible(output, safeJson(line)) },
  )
}

function linesForPeople(output: LogOutput): { write(line: string): void } {
  const coloured = output.isTTY === true && output.hasColors?.() === true
  return { write: (line) => writeIfPossible(output, prettyLine(line, coloured)) }
}

/** A line that can't be written must not become an error of the part that reports something. */
function writeIfPossible(output: LogOutput, line: string): void {
  try {
    output.write(line)
  } catch {
    // There is no other place to report it.
  }
}
