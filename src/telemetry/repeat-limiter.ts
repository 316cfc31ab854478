/**
 * Writes a line once per interval and counts its repeats. The count is logged when the interval ends,
 * so that it is not lost when the problem is over.
 *
 *      line          line, line, line                     interval over: line, repeated: 3
 *   ────▲────────────────·────·────·──────────────────────────▲──────────▶ time
 */
import type { Clock, Timer } from '../clock.ts'

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface Open {
  readonly line: LogLine
  readonly timer: Timer
  repeats: number
}

export interface RepeatLimiterOptions {
  readonly clock: Clock
  readonly intervalMs: number
  /** The maximum number of lines watched at once. With more, the oldest one is forgotten. */
  readonly maxKeys: number
  readonly write: (line: LogLine, repeats: number) => void
}

export class RepeatLimiter {
  readonly #options: RepeatLimiterOptions
  /** In the order they were opened. */
  readonly #open = new Map<string, Open>()

  constructor(options: RepeatLimiterOptions) {
    this.#options = options
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
    if (this.#open.size >= this.#options.maxKeys) this.#endOldest()
    this.#options.write(line, 0)
    this.#hold(key, line)
  }

  /** Writes the counts that are held back, and forgets all lines. */
  close(): void {
    for (const key of [...this.#open.keys()]) this.#end(key, false)
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
    this.#options.write(open.line, open.repeats)
    if (goOnHolding) this.#hold(key, open.line)
  }
}
