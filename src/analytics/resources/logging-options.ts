/** Where AWS would write errors to. Stored, and not acted on. */
import type * as z from 'zod'
import { flag, members, oneOfTexts, roleArn } from './values.ts'

export const loggingOptions = members({
  roleArn,
  level: oneOfTexts(['ERROR']),
  enabled: flag(),
})

export type LoggingOptions = z.infer<typeof loggingOptions>
