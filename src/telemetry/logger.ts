/**
 * The log: pino, one JSON object a line on standard error, or lines for people. Secrets are cut out
 * by the names of their fields, wherever in the first three levels of a line they stand.
 */
import { type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogOptions } from './options.ts'
import { prettyLine } from './pretty-line.ts'

export type { Logger } from 'pino'

/** What a logger writes to: `process.stderr`, or anything that takes lines. */
export interface LogOutput {
  write(line: string): unknown
  readonly isTTY?: boolean
  /** Node's terminals answer this from TERM, NO_COLOR and FORCE_COLOR. */
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

/** Every field above at the line's first, second and third level. */
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
    forPeople ? linesForPeople(output) : { write: (line) => void output.write(line) },
  )
}

function linesForPeople(output: LogOutput): { write(line: string): void } {
  const coloured = output.isTTY === true && output.hasColors?.() === true
  return { write: (line) => void output.write(prettyLine(line, coloured)) }
}
