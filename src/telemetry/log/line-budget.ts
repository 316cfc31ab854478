/**
 * Bounds how many lines are logged: a few at once, and then a steady rate. It has a bucket of its
 * own for each kind of line, and one for all of them, so that one kind in a flood leaves room for
 * the others.
 */
import type { Clock } from '../../clock.ts'

export interface LineRate {
  /** Lines that may be logged at once. */
  readonly burst: number
  readonly perSecond: number
}

const RATE_OF_KIND: LineRate = { burst: 20, perSecond: 1 }
const RATE_OF_ALL: LineRate = { burst: 100, perSecond: 10 }

class Bucket {
  readonly #rate: LineRate
  readonly #clock: Clock
  #tokens: number
  #atMs: number

  constructor(rate: LineRate, clock: Clock) {
    this.#rate = rate
    this.#clock = clock
    this.#tokens = rate.burst
    this.#atMs = clock.monotonic()
  }

  get isEmpty(): boolean {
    const now = this.#clock.monotonic()
    const refilled = ((now - this.#atMs) / 1000) * this.#rate.perSecond
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + refilled)
    this.#atMs = now
    return this.#tokens < 1
  }

  take(): void {
    this.#tokens -= 1
  }
}

export class LineBudget {
  readonly #clock: Clock
  readonly #all: Bucket
  /** By kind. There are only a few kinds, and none of them comes from a client. */
  readonly #kinds = new Map<string, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#all = new Bucket(RATE_OF_ALL, clock)
  }

  /** Whether a line of this kind may be logged now. If so, it is counted. */
  take(kind: string): boolean {
    let own = this.#kinds.get(kind)
    if (own === undefined) {
      own = new Bucket(RATE_OF_KIND, this.#clock)
      this.#kinds.set(kind, own)
    }
    if (own.isEmpty || this.#all.isEmpty) return false
    own.take()
    this.#all.take()
    return true
  }
}
