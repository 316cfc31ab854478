/**
 * When an attempt of a call is repeated, and after how long: the AWS SDK's standard retry mode.
 *
 * A quota of tokens, shared by all calls of a destination, keeps retries from adding to an outage:
 * a retry takes tokens, a success gives them back. While the quota is empty, calls have one
 * attempt.
 */
import type { Failure, FailureKind } from './failure.ts'

const QUOTA_TOKENS = 500
const COST_TOKENS = { throttling: 5, transient: 14 } as const
const BASE_DELAY_MS = { throttling: 1_000, transient: 50 } as const
const MAX_DELAY_MS = 20_000
/** The most a service can add to the delay we would have waited. */
const MAX_EXTRA_DELAY_MS = 5_000
/** Another attempt within the call would have the same answer. */
const FINAL_KINDS: ReadonlySet<FailureKind> = new Set(['refused', 'unavailable', 'denied'])
/** Tokens given back by the success of a call without retries. */
const SUCCESS_TOKENS = 1

export class RetryRules {
  readonly maxAttempts: number
  readonly #random: () => number
  #tokens = QUOTA_TOKENS

  /** @param random in [0, 1) */
  constructor(maxAttempts: number, random: () => number) {
    this.maxAttempts = maxAttempts
    this.#random = random
  }

  /** The retries of one call. */
  begin(): CallRetries {
    return new CallRetries(this)
  }

  delayMs(failure: Failure, retriesBefore: number): number {
    const base = BASE_DELAY_MS[weightOf(failure)]
    const delay = Math.floor(this.#random() * Math.min(base * 2 ** retriesBefore, MAX_DELAY_MS))
    if (failure.retryAfterMs === undefined) return delay
    return Math.max(delay, Math.min(failure.retryAfterMs, delay + MAX_EXTRA_DELAY_MS))
  }

  /** Takes the tokens that a retry costs; undefined if too few are left. */
  take(failure: Failure): number | undefined {
    const cost = COST_TOKENS[weightOf(failure)]
    if (this.#tokens < cost) return undefined
    this.#tokens -= cost
    return cost
  }

  give(tokens: number): void {
    this.#tokens = Math.min(QUOTA_TOKENS, this.#tokens + tokens)
  }
}

export class CallRetries {
  readonly #rules: RetryRules
  #retries = 0
  #lastCost = SUCCESS_TOKENS

  constructor(rules: RetryRules) {
    this.#rules = rules
  }

  /** `attempt=2; max=3`, as the SDK reports it to the service. */
  get progress(): string {
    return `attempt=${this.#retries + 1}; max=${this.#rules.maxAttempts}`
  }

  /** Milliseconds until the next attempt; undefined if there should be none. */
  next(failure: Failure): number | undefined {
    if (FINAL_KINDS.has(failure.kind)) return undefined
    if (this.#retries + 1 >= this.#rules.maxAttempts) return undefined
    const cost = this.#rules.take(failure)
    if (cost === undefined) return undefined
    const delayMs = this.#rules.delayMs(failure, this.#retries)
    this.#retries += 1
    this.#lastCost = cost
    return delayMs
  }

  succeeded(): void {
    this.#rules.give(this.#lastCost)
  }
}

function weightOf(failure: Failure): 'throttling' | 'transient' {
  return failure.kind === 'throttling' ? 'throttling' : 'transient'
}
