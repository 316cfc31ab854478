/** The values of a call, checked: members of the body, the path and the query. */
import * as z from 'zod'
import { parseTime } from '../../../iso-time.ts'
import { type Checked, checked } from '../../resources/problems.ts'
import { members, resourceName } from '../../resources/values.ts'
import { invalid } from './exceptions.ts'
import type { Call } from './operation.ts'

/** SDKs may add it. It says nothing. */
const IGNORED = 'x-id'

/** @throws {ServiceException} InvalidRequestException */
export function bodyOf<Schema extends z.ZodType>(schema: Schema, { body }: Call): z.infer<Schema> {
  return valid(checked(schema, body))
}

/** A resource's name, in the path. @throws {ServiceException} InvalidRequestException */
export function nameOf(parameter: string, call: Call): string {
  return parameterOf(parameter, resourceName, call)
}

/** @throws {ServiceException} InvalidRequestException */
export function parameterOf<Schema extends z.ZodType>(
  parameter: string,
  schema: Schema,
  { parameters }: Call,
): z.infer<Schema> {
  return valid(checked(schema, parameters[parameter], parameter))
}

/** @throws {ServiceException} InvalidRequestException */
export function queryOf<Shape extends z.ZodRawShape>(shape: Shape, { query }: Call) {
  const schema = members(shape)
  const given = [...query].filter(([name]) => name !== IGNORED)
  return valid(checked(schema, Object.fromEntries(given), 'the query'))
}

/** A whole number in decimal digits. */
export function wholeText(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}`
  return z
    .string(expected)
    .refine((digits) => /^\d{1,9}$/.test(digits) && +digits >= min && +digits <= max, expected)
    .transform(Number)
}

export const flagText = z
  .enum(['true', 'false'], 'expected true or false')
  .transform((text) => text === 'true')

const TIME = 'expected a time such as 2026-01-31T12:00:00Z'
/** Its output is milliseconds since 1970. */
export const timeText = z.string(TIME).transform((text, context): number => {
  const time = parseTime(text)
  if (time !== undefined) return time
  context.addIssue({ code: 'custom', message: TIME, input: text })
  return z.NEVER
})

const BLOB = 'expected base64'
/** Bytes, in base64. */
export const blob = z
  .string(BLOB)
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, BLOB)
  .transform((text) => Buffer.from(text, 'base64'))

function valid<Value>({ value, problem }: Checked<Value>): Value {
  if (problem !== undefined) throw invalid(problem)
  return value
}
