/**
 * Schemas of single values, as the API of AWS IoT Analytics describes them. Their errors say what
 * was expected; `problems.ts` adds the member and what came.
 */
import * as z from 'zod'
import { CHANNEL_NAME, CHANNEL_NAME_RULE } from '../../channel-name.ts'

interface TextRule {
  readonly min?: number
  readonly max: number
  readonly pattern?: RegExp
  /** The pattern in words, after "1 to 9 characters". */
  readonly like?: string
}

export function text({ min = 1, max, pattern, like = '' }: TextRule) {
  const expected = `expected ${min} to ${max} characters${like === '' ? '' : ` ${like}`}`
  const isRight = (value: string) =>
    value.length >= min && value.length <= max && (pattern?.test(value) ?? true)
  return z.string(expected).refine(isRight, expected)
}

export function whole(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}`
  const isRight = (value: number) => Number.isSafeInteger(value) && value >= min && value <= max
  return z.number(expected).refine(isRight, expected)
}

export function flag() {
  return z.boolean('expected true or false')
}

export function oneOfTexts<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, `expected ${values.join(' or ')}`)
}

export function listOf<Item extends z.ZodType>(item: Item, min: number, max: number) {
  const expected = min === max ? `expected a list of ${min}` : `expected a list of ${min} to ${max}`
  return z
    .array(item, expected)
    .refine(({ length }) => length >= min && length <= max, { error: expected, abort: true })
}

export function members<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? expectedMembers(known) : 'expected an object',
  })
}

/** An object with exactly one of the members. */
export function oneMember<Shape extends z.ZodRawShape>(shape: Shape) {
  const expected = `expected exactly one of ${Object.keys(shape).join(', ')}`
  return members(shape)
    .partial()
    .refine((value) => presentIn(value).length === 1, expected)
}

/** Names of the members that are set. */
export function presentIn(value: object): string[] {
  return Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [name]))
}

function expectedMembers(known: readonly string[]): string {
  return known.length === 0 ? 'expected no members' : `expected only ${known.join(', ')}`
}

/** Names of channels, pipelines, datastores and datasets. */
export const resourceName = z
  .string(`expected ${CHANNEL_NAME_RULE}`)
  .regex(CHANNEL_NAME, `expected ${CHANNEL_NAME_RULE}`)

const NAME = { pattern: /^[a-zA-Z0-9_]+$/, like: 'of A-Z a-z 0-9 _' }

/** Of an action, of a rule, of an attribute that partitions. */
export const plainName = text({ max: 128, ...NAME })

export const roleArn = text({ min: 20, max: 2_048 })
export const bucket = text({
  min: 3,
  max: 255,
  pattern: /^[a-zA-Z0-9.\-_]*$/,
  like: 'of A-Z a-z 0-9 . - _',
})
export const keyPrefix = text({
  max: 255,
  pattern: /^[a-zA-Z0-9!_.*'()/{}:-]*\/$/,
  like: "of A-Z a-z 0-9 ! _ . * ' ( ) / { } : - that end with /",
})

/** A time in a body: seconds since 1970. Its output is milliseconds. */
const TIME = 'expected a time in seconds since 1970'
export const timeInSeconds = z
  .number(TIME)
  .refine((seconds) => seconds >= 0 && seconds <= 8_640_000_000_000, TIME)
  .transform((seconds) => Math.round(seconds * 1_000))

/** A hundred years. */
const MAX_DAYS = 36_525

export const retentionPeriod = members({
  unlimited: flag().optional(),
  numberOfDays: whole(1, MAX_DAYS).optional(),
}).refine(
  ({ unlimited = false, numberOfDays }) => unlimited !== (numberOfDays !== undefined),
  'expected either unlimited: true or numberOfDays',
)

export const versioningConfiguration = members({
  unlimited: flag().optional(),
  maxVersions: whole(1, 1_000).optional(),
}).refine(
  ({ unlimited = false, maxVersions }) => unlimited !== (maxVersions !== undefined),
  'expected either unlimited: true or maxVersions',
)

export type RetentionPeriod = z.infer<typeof retentionPeriod>
