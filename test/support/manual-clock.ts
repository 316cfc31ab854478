/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../../src/clock.ts'

interface PendingCall {
  readonly dueAt: number
  readonly call: () => void
}

export class ManualClock implements Clock {
  #now: number
  #elapsed = 0
  readonly #pending = new Set<PendingCall>()

  constructor(now = 1_700_000_000_000) {
    this.#now = now
  }

  /** The number of calls that wait for their time. */
  get pendingCalls(): number {
    return this.#pending.size
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#elapsed
  }

  after(delayMs: number, call: () => void): Timer {
    const pending = { dueAt: this.#elapsed + Math.max(0, delayMs), call }
    this.#pending.add(pending)
    return { cancel: () => void this.#pending.delete(pending) }
  }

  /** Moves time forward and makes the calls that become due, each at its own time. */
  advance(byMs: number): void {
    const until = this.#elapsed + byMs
    for (let next = this.#nextDue(until); next !== undefined; next = this.#nextDue(until)) {
      this.#pending.delete(next)
      this.#moveTo(next.dueAt)
      next.call()
    }
    this.#moveTo(until)
  }

  /** Sets the machine's clock; durations are not affected. */
  setTime(now: number): void {
    this.#now = now
  }

  #moveTo(elapsed: number): void {
    if (elapsed <= this.#elapsed) return
    this.#now += elapsed - this.#elapsed
    this.#elapsed = elapsed
  }

  #nextDue(until: number): PendingCall | undefined {
    let first: PendingCall | undefined
    for (const pending of this.#pending) {
      if (pending.dueAt > until) continue
      if (first === undefined || pending.dueAt < first.dueAt) first = pending
    }
    return first
  }
}
