/**
 * Writes a line once per interval and counts its repeats. The count is logged when the interval ends,
 * so that it is not lost when the problem is over.
 *
 *      line          line, line, line                     interval over: line, repeated: 3
 *   ────▲────────────────·────·────·──────────────────────────▲──────────▶ time
 *
 * Lines beyond the budget of their event (`line-budget.ts`) are suppressed; one line says how many.
 */

import type { Clock, Timer } from '../../clock.ts'
import { cut } from '../../shown-text.ts'
import { LineBudget } from './line-budget.ts'

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>> & { readonly event: string }
}

interface Open {
  readonly line: LogLine
  readonly timer: Timer
  repeats: number
}

interface Suppressed {
  readonly level: LogLine['level']
  readonly timer: Timer
  lines: number
}

export interface RepeatLimiterOptions {
  readonly clock: Clock
  readonly intervalMs: number
  /** The maximum number of lines watched at once. With more, the oldest one is forgotten. */
  readonly maxKeys: number
  readonly write: (line: LogLine, repeats: number) => void
}

/** Of a field's text, which may come from a client, a broker or a destination. */
const MAX_TEXT = 300
/** Of the part of a key that `kindOf` makes of a text. */
const MAX_KIND = 100

/**
 * The text without what differs from one time to the next: quoted text, numbers. It makes the key
 * of a line out of a reason.
 */
export function kindOf(text: string): string {
  return cut(text, MAX_TEXT)
    .replaceAll(/"(?:[^"\\]|\\.)*"?/g, '""')
    .replaceAll(/\b[0-9a-f]*[0-9][0-9a-f]*\b/gi, '#')
    .slice(0, MAX_KIND)
}

export class RepeatLimiter {
  readonly #options: RepeatLimiterOptions
  readonly #budget: LineBudget
  /** In the order they were opened. */
  readonly #open = new Map<string, Open>()
  /** By event. */
  readonly #suppressed = new Map<string, Suppressed>()

  constructor(options: RepeatLimiterOptions) {
    this.#options = options
    this.#budget = new LineBudget(options.clock)
  }

  /** Whether the line was written less than an interval ago. If so, the repeat is counted. */
  isRepeat(key: string): boolean {
    const open = this.#open.get(key)
    if (open === undefined) return false
    open.repeats += 1
    return true
  }

  /**
   * Writes the line now and holds back its repeats. To be called only if `isRepeat` returned false.
   */
  say(key: string, line: LogLine): void {
    if (!this.#budget.take(line.fields.event)) {
      this.#suppress(line, 1)
      return
    }
    if (this.#open.size >= this.#options.maxKeys) this.#endOldest()
    const short = withShortTexts(line)
    this.#options.write(short, 0)
    this.#hold(key, short)
  }

  /** Writes the counts that are held back, and forgets all lines. */
  close(): void {
    for (const key of [...this.#open.keys()]) this.#end(key, false)
    for (const event of [...this.#suppressed.keys()]) this.#tellSuppressed(event)
  }

  #hold(key: string, line: LogLine): void {
    const timer = this.#options.clock.after(this.#options.intervalMs, () => this.#end(key, true))
    this.#open.set(key, { line, timer, repeats: 0 })
  }

  #endOldest(): void {
    for (const key of this.#open.keys()) {
      this.#end(key, false)
      return
    }
  }

  #end(key: string, goOnHolding: boolean): void {
    const open = this.#open.get(key)
    if (open === undefined) return
    open.timer.cancel()
    this.#open.delete(key)
    if (open.repeats === 0) return
    if (!this.#budget.take(open.line.fields.event)) {
      this.#suppress(open.line, open.repeats)
      return
    }
    this.#options.write(open.line, open.repeats)
    if (goOnHolding) this.#hold(key, open.line)
  }

  #suppress({ level, fields: { event } }: LogLine, lines: number): void {
    const known = this.#suppressed.get(event)
    if (known !== undefined) {
      known.lines += lines
      return
    }
    const { clock, intervalMs } = this.#options
    const timer = clock.after(intervalMs, () => this.#tellSuppressed(event))
    this.#suppressed.set(event, { level, timer, lines })
  }

  /** At most once per interval and event, whatever the budget. */
  #tellSuppressed(event: string): void {
    const known = this.#suppressed.get(event)
    if (known === undefined) return
    known.timer.cancel()
    this.#suppressed.delete(event)
    const { level, lines } = known
    const count = lines.toLocaleString('en-US')
    const message = `${count} similar ${lines === 1 ? 'line' : 'lines'} suppressed`
    this.#options.write({ level, message, fields: { event, suppressed: lines } }, 0)
  }
}

function withShortTexts(line: LogLine): LogLine {
  const fields = Object.entries(line.fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? cut(value, MAX_TEXT) : value,
  ])
  return { ...line, fields: { ...Object.fromEntries(fields), event: line.fields.event } }
}
