import * as z from 'zod'

export const logOptions = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('How much is logged. Steady operation is quiet at info.'),
    format: z
      .enum(['auto', 'json', 'pretty'])
      .default('auto')
      .describe('JSON lines, or lines for people; auto: for people on a terminal.'),
  })
  .describe('The log on standard error.')

export type LogOptions = z.infer<typeof logOptions>
