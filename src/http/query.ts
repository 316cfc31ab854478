/** The part of a URL after `?`, checked as strictly as the configuration. */
import { z } from 'zod'
import { RequestError } from './request-error.ts'

/** @throws {RequestError} 400, naming the parameter and what is allowed. */
export function parseQuery<Schema extends z.ZodType>(
  schema: Schema,
  query: unknown,
): z.infer<Schema> {
  const parsed = schema.safeParse(query)
  if (parsed.success) return parsed.data
  const message = parsed.error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ')
  throw new RequestError(400, 'InvalidRequest', message)
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
