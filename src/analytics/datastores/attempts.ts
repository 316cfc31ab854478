/**
 * How many messages a pipeline's next job takes, and when. One message may end the worker process or
 * need more memory than there is: then jobs take half as many, down to that one, and it is skipped.
 */
import { asConnectorError, type ConnectorError } from '../../errors.ts'
import { JobError } from '../worker/job.ts'

const MOST_MESSAGES = 100_000
/** How often a single message is tried. */
const TRIES_OF_ONE = 3
const HALVED_DELAY_MS = 1_000
const FIRST_DELAY_MS = 10_000
const LONGEST_DELAY_MS = 10 * 60_000

export interface FailedAttempt {
  readonly error: ConnectorError
  readonly delayMs: number
  /** The cause lies outside of the messages, so it helps to wait. */
  readonly isWaiting: boolean
}

export class Attempts {
  /** What the next job takes at most. */
  messages = MOST_MESSAGES
  /** By the monotonic clock. */
  notBefore = 0
  #failures = 0
  #triesOfOne = 0

  /** Fewer than usual, because more have failed. */
  get isReduced(): boolean {
    return this.messages < MOST_MESSAGES
  }

  /** The single message that is tried is to be kept as failed. */
  get mustSkip(): boolean {
    return this.#triesOfOne >= TRIES_OF_ONE
  }

  succeeded(): void {
    this.messages = Math.min(MOST_MESSAGES, this.messages * 2)
    this.notBefore = 0
    this.#failures = 0
    this.#triesOfOne = 0
  }

  /**
   * @param tried how many messages the job was asked for
   * @param random in [0, 1)
   */
  failed(thrown: unknown, tried: number, now: number, random: number): FailedAttempt {
    const error = asConnectorError(thrown, 'Unexpected', 'pipelines')
    const isWaiting = waits(thrown, error)
    if (!isWaiting && tried > 1) this.messages = Math.max(1, Math.floor(tried / 2))
    if (!isWaiting && tried === 1) this.#triesOfOne++
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.#failures, 10))
    const isHalved = !isWaiting && tried > 1
    if (!isHalved) this.#failures++
    const delayMs = isHalved ? HALVED_DELAY_MS : ceiling / 2 + (ceiling / 2) * random
    this.notBefore = now + delayMs
    return { error, delayMs, isWaiting }
  }
}

/**
 * Whether the cause lies outside of the messages: no room, no DuckDB, nothing known of things. If the
 * process has ended, the message may be the cause; then the error is not one that a job has answered.
 */
function waits(thrown: unknown, { code, effect }: ConnectorError): boolean {
  if (code === 'Unexpected') return false
  if (code === 'AnalyticsUnavailable') return thrown instanceof JobError
  return effect === 'retry'
}
