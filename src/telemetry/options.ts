import * as z from 'zod'
import { size } from '../unit-options.ts'

const logFileOptions = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .describe('The file. Its directory must be there. SIGHUP opens it again.'),
    maxBytes: size({ min: '64KiB', max: '1TiB', example: '10MiB' })
      .prefault('10MiB')
      .describe(
        'When the file has reached this size, it becomes path.1, and path.1 becomes path.2.',
      ),
    keep: z.int().min(0).max(1000).default(5).describe('How many of these older files are kept.'),
  })
  .describe('Writes the log to a file in place of standard error.')

export type LogFileOptions = z.infer<typeof logFileOptions>

export const logOptions = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('How much is logged. At info, normal operation logs only the start and the stop.'),
    format: z
      .enum(['auto', 'json', 'pretty'])
      .default('auto')
      .describe('JSON lines, or readable lines. auto: readable on a terminal, otherwise JSON.'),
    file: logFileOptions.optional(),
  })
  .describe('The log, on standard error or in a file.')

export type LogOptions = z.infer<typeof logOptions>

/** Where traces go. It comes from the environment, as with all programs that have traces. */
export interface TraceOptions {
  /** Takes POST requests of OTLP/HTTP. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Attributes of the process, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>
  /** The part of the traces that is kept, from 0 to 1. */
  readonly ratio: number
}
