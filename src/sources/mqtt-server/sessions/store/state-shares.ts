/**
 * Divides the room for the state among users, sessions and retained messages, so that one user's
 * sessions do not keep others' from being durable. Anonymous sessions count each for itself.
 */
import { SharedBound } from '../../limits/shared-bound.ts'
import type { SessionState } from './session-state.ts'

/** How many times what one session may hold. */
const OF_A_USER = 2
const OF_RETAINED = 8

export class StateShares {
  readonly #bound: SharedBound
  readonly #users = new Map<string, number>()
  #retained = 0
  /** Before, everything is taken that fits, such as the state of the last run. */
  isDivided = false
  /** Whether the last refusal was because of a share, and not because all room was taken. */
  wasShareSpent = false

  constructor(maxBytes: number) {
    this.#bound = new SharedBound(maxBytes, 1)
  }

  get bytes(): number {
    return this.#bound.used
  }

  /** `held`: what the session holds; nothing if it is new. */
  allows(userName: string | undefined, held: number, more: number): boolean {
    if (!this.#fits(more)) return false
    if (more === 0) return true
    const ofUser = userName === undefined ? 0 : (this.#users.get(userName) ?? 0)
    return this.#isWithin(held + more, 1) && this.#isWithin(ofUser + more, OF_A_USER)
  }

  allowsRetained(more: number): boolean {
    return this.#fits(more) && this.#isWithin(this.#retained + more, OF_RETAINED)
  }

  count({ userName }: Pick<SessionState, 'userName'>, bytes: number): void {
    this.#bound.take(bytes)
    if (userName === undefined) return
    const held = (this.#users.get(userName) ?? 0) + bytes
    if (held > 0) this.#users.set(userName, held)
    else this.#users.delete(userName)
  }

  countRetained(bytes: number): void {
    this.#bound.take(bytes)
    this.#retained += bytes
  }

  #fits(more: number): boolean {
    this.wasShareSpent = false
    return this.#bound.used + more <= this.#bound.max
  }

  #isWithin(bytes: number, times: number): boolean {
    if (!this.isDivided || bytes <= times * this.#bound.share) return true
    this.wasShareSpent = true
    return false
  }
}
