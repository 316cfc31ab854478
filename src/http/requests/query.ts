/**
 * The parameters of a request, in its URL or its body, checked as strictly as the configuration.
 */
import * as z from 'zod'
import { parseTime } from '../../iso-time.ts'
import { quoted } from '../../shown-text.ts'
import { RequestError } from './request-error.ts'

/** @throws {RequestError} 400, with the parameter and what is allowed. */
export function parseRequest<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
): z.infer<Schema> {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const message = parsed.error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ')
  throw new RequestError(400, 'InvalidRequest', message)
}

const TIME = 'must be a time like 2026-01-31T12:00:00Z'

/** A time in ISO 8601, as milliseconds since 1970. */
export function time() {
  return z.string(TIME).transform((text, context): number => {
    const timeMs = parseTime(text)
    if (timeMs !== undefined) return timeMs
    context.addIssue({ code: 'custom', message: TIME })
    return z.NEVER
  })
}

/** A whole number in decimal digits. */
export function wholeNumber(min: number, max: number, fallback: number) {
  const expectation = `must be a whole number from ${min} to ${max}`
  return z
    .string(expectation)
    .regex(/^\d{1,15}$/, expectation)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expectation)
    .default(fallback)
}

export const READ_FROM = 'must be earliest, now, an offset, or a time like 2026-01-31T12:00:00Z'

/** Where reading begins. */
export function readFrom(text: string, context: z.RefinementCtx) {
  if (text === 'earliest' || text === 'now') return text
  if (/^\d{1,15}$/.test(text)) return { offset: Number(text) }
  const timeMs = parseTime(text)
  if (timeMs !== undefined) return { timeMs }
  context.addIssue({ code: 'custom', message: `${READ_FROM}; it is ${quoted(text)}` })
  return z.NEVER
}
