/**
 * From which addresses users have logged in. Such a user is let in although its address has used up
 * its attempts: an attacker behind the same address must not lock out the devices there. Guesses at
 * its password from there are bounded by a few of its own.
 */
import type { Clock } from '../../../clock.ts'
import { TokenBuckets } from '../limits/token-buckets.ts'

const MAX_PAIRS = 10_000
/** Wrong passwords for one user from one familiar address, at once and per minute after that. */
const MAX_WRONG = 3
const WRONG_PER_MINUTE = 1

export class FamiliarLogins {
  /** Addresses and user names, those that logged in last at the end. */
  readonly #pairs = new Set<string>()
  readonly #guesses: TokenBuckets

  constructor(clock: Clock) {
    this.#guesses = new TokenBuckets({
      capacity: MAX_WRONG,
      perSecond: WRONG_PER_MINUTE / 60,
      maxKeys: MAX_PAIRS,
      nowMs: () => clock.monotonic(),
    })
  }

  /** Whether the user has logged in from there, and few passwords of its were wrong since. */
  has(address: string, userName: string): boolean {
    const pair = pairOf(address, userName)
    return this.#pairs.has(pair) && this.#guesses.has(pair)
  }

  /** The user's password was right. */
  add(address: string, userName: string): void {
    const pair = pairOf(address, userName)
    this.#pairs.delete(pair)
    const [oldest] = this.#pairs
    if (this.#pairs.size >= MAX_PAIRS && oldest !== undefined) this.#pairs.delete(oldest)
    this.#pairs.add(pair)
  }

  /** The user's password was wrong. */
  countWrong(address: string, userName: string): void {
    const pair = pairOf(address, userName)
    if (this.#pairs.has(pair)) this.#guesses.take(pair)
  }
}

function pairOf(address: string, userName: string): string {
  return `${address} ${userName}`
}
