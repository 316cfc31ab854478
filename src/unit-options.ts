/** Durations and sizes in the configuration. Every part declares its own with these. */
import * as z from 'zod'
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts'

const DURATION_TEXT = /^[0-9.]+ ?(ms|s|m|h|d)$/
const SIZE_TEXT = /^[0-9.]+ ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/
/** A hundred years: a longer duration is a mistake. */
const LONGEST_MS = 36_525 * 86_400_000

export interface DurationRule {
  /** The smallest and the largest value, with a unit: `1s`. */
  readonly min: string
  readonly max?: string
  /** What a number without a unit means. Seconds are whole, because a protocol counts in them. */
  readonly bareUnit?: 'ms' | 's'
  readonly example?: string
}

export interface SizeRule {
  readonly min: string
  readonly max?: string
  readonly example?: string
}

/** What the rules have in common: numbers are in milliseconds or bytes. */
interface Quantity {
  readonly name: 'duration' | 'size'
  readonly min: number
  readonly max: number
  readonly step: number
  /** What a number without a unit counts. */
  readonly bareFactor: number
  readonly expected: string
  readonly example: string
  /** For editors, which check the file by its JSON Schema. */
  readonly pattern: RegExp
  parse(text: string): number | undefined
}

/** The schema of a duration; its output is milliseconds. */
export function duration({ min, max, bareUnit = 'ms', example = '30s' }: DurationRule) {
  const isInSeconds = bareUnit === 's'
  const whole = isInSeconds ? ' in whole seconds' : ''
  return quantity({
    name: 'duration',
    min: boundOf(parseDuration, min),
    max: max === undefined ? LONGEST_MS : boundOf(parseDuration, max),
    step: isInSeconds ? 1_000 : 0,
    bareFactor: isInSeconds ? 1_000 : 1,
    expected: `a duration such as ${example}${whole}${range(min, max)}`,
    example,
    pattern: DURATION_TEXT,
    parse: parseDuration,
  })
}

/** The schema of a size; its output is bytes. */
export function size({ min, max, example = '64MiB' }: SizeRule) {
  return quantity({
    name: 'size',
    min: boundOf(parseSize, min),
    max: max === undefined ? Number.MAX_SAFE_INTEGER : boundOf(parseSize, max),
    step: 1,
    bareFactor: 1,
    expected: `a size such as ${example}${range(min, max)}`,
    example,
    pattern: SIZE_TEXT,
    parse: parseSize,
  })
}

/** The value with its unit, as the configuration takes it. */
export function withUnit(quantityName: unknown, value: unknown): unknown {
  if (typeof value !== 'number') return value
  if (quantityName === 'duration') return formatDuration(value)
  return quantityName === 'size' ? formatSize(value) : value
}

function quantity(rule: Quantity) {
  const error = `expected ${rule.expected}`
  const bare = z
    .number()
    .min(rule.min / rule.bareFactor)
    .max(rule.max / rule.bareFactor)
  return z
    .union([bare, z.string().regex(rule.pattern)], { error: () => error })
    .transform((given, context): number => {
      const value = typeof given === 'number' ? given * rule.bareFactor : rule.parse(given)
      if (value !== undefined && isWithin(rule, value)) return value
      context.addIssue({ code: 'custom', message: error, params: { showsValue: true } })
      return z.NEVER
    })
    .meta({ examples: [rule.example], quantity: rule.name, expected: rule.expected })
}

function isWithin({ min, max, step }: Quantity, value: number): boolean {
  return value >= min && value <= max && (step === 0 || value % step === 0)
}

function range(min: string, max: string | undefined): string {
  return max === undefined ? `, at least ${min}` : `, from ${min} to ${max}`
}

/** For the bounds, which are written in the code: a wrong one is a defect. */
function boundOf(parse: (text: string) => number | undefined, text: string): number {
  const value = parse(text)
  if (value === undefined) throw new TypeError(`${text} is not a quantity with a unit`)
  return value
}
