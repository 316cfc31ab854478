/** What is wrong with a value, for people: the member, what was expected, and what came. */
import type * as z from 'zod'
import { quoted } from '../../shown-text.ts'

const MAX_PROBLEMS = 5

/** The value, or one sentence for each problem. */
export type Checked<Value> =
  | { readonly value: Value; readonly problem?: never }
  | { readonly problem: string; readonly value?: never }

/** @param place of the value itself, in the sentences */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  place = 'the body',
): Checked<z.infer<Schema>> {
  const parsed = schema.safeParse(given, { reportInput: true })
  if (parsed.success) return { value: parsed.data }
  const { issues } = parsed.error
  const sentences = issues.slice(0, MAX_PROBLEMS).map((issue) => sentence(issue, place))
  if (issues.length > MAX_PROBLEMS) sentences.push(`${issues.length - MAX_PROBLEMS} more`)
  return { problem: sentences.join('; ') }
}

/** Each problem with its path, for a reader who knows where the value was written. */
export function problemsIn({ issues }: z.ZodError): { path: (string | number)[]; text: string }[] {
  return issues.map((issue) => ({
    path: issue.path.map((key) => (typeof key === 'number' ? key : String(key))),
    text: expectation(issue),
  }))
}

function sentence(issue: z.core.$ZodIssue, place: string): string {
  return `${pathText(issue.path, place)}: ${expectation(issue)}`
}

function expectation(issue: z.core.$ZodIssue): string {
  const { message, code } = issue
  const came =
    code === 'unrecognized_keys'
      ? issue.keys.map((key) => quoted(key)).join(', ')
      : shownValue(issue.input)
  return `${message}, got ${came}`
}

/** Members of an object are named without the place of the object. */
function pathText([first, ...rest]: readonly PropertyKey[], place: string): string {
  if (first === undefined) return place
  const start = typeof first === 'number' ? `${place}[${first}]` : String(first)
  return rest.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    start,
  )
}

function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') {
    return value.length > 64 ? `${quoted(value, 64)} (${value.length} characters)` : quoted(value)
  }
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return `an object with ${namesOf(value)}`
  return String(value)
}

function namesOf(value: object | null): string {
  const names = Object.keys(value ?? {}).slice(0, MAX_PROBLEMS)
  return names.length === 0 ? 'no members' : names.map((name) => quoted(name, 32)).join(', ')
}
