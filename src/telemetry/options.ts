import * as z from 'zod'

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
  })
  .describe('The log on standard error.')

export type LogOptions = z.infer<typeof logOptions>
