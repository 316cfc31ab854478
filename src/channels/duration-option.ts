/** A length of time in the configuration: milliseconds, or text such as `30s`, `15m`, `24h`, `7d`. */
import * as z from 'zod'

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const TEXT = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)$/
/** A hundred years: what is longer was not meant. */
const LONGEST_MS = 36_525 * 86_400_000

/** The schema of a duration; its output is milliseconds. */
export function duration({ minMs }: { readonly minMs: number }) {
  const expected = `expected at least ${minMs} milliseconds, or text such as 30s, 15m, 24h or 7d`
  return z
    .union([z.number().min(minMs, expected), z.string()], { error: () => expected })
    .transform((given, context): number => {
      const milliseconds = typeof given === 'number' ? given : millisecondsOf(given)
      if (milliseconds >= minMs && milliseconds <= LONGEST_MS) return Math.round(milliseconds)
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
    .meta({ examples: ['15m'] })
}

/** NaN for what is no duration. */
function millisecondsOf(text: string): number {
  const [, count, unit] = TEXT.exec(text) ?? []
  return Number(count) * (MS_PER_UNIT[unit ?? ''] ?? Number.NaN)
}
