/**
 * Numbers the turns of the event loop while a connection asks for them, and bounds the work that
 * all connections do in one. All connections together cost one callback a turn.
 */
import { WORK_OF_ALL_A_TURN } from './work.ts'

export class LoopTurns {
  #current = 0
  #workLeft = WORK_OF_ALL_A_TURN
  #isScheduled = false
  #waiting: (() => void)[] = []

  get current(): number {
    this.#schedule()
    return this.#current
  }

  /** Whether all connections together have done their work of this turn. */
  get isSpent(): boolean {
    return this.#workLeft <= 0
  }

  spend(work: number): void {
    this.#workLeft -= work
    if (this.isSpent) this.#schedule()
  }

  /** Calls once, in a later turn, when all sockets that are ready now have been read. */
  next(call: () => void): void {
    this.#schedule()
    this.#waiting.push(call)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#next())
  }

  #next(): void {
    this.#isScheduled = false
    this.#current++
    this.#workLeft = WORK_OF_ALL_A_TURN
    const waiting = this.#waiting
    this.#waiting = []
    let called = 0
    while (called < waiting.length && !this.isSpent) waiting[called++]?.()
    if (called === waiting.length) return
    // Those that got no turn are the first of the next one, so that each gets one in the end.
    this.#waiting = [...waiting.slice(called), ...this.#waiting]
    this.#schedule()
  }
}
