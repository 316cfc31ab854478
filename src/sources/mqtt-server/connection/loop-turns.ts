/**
 * Numbers the turns of the event loop while a connection asks for them. All connections together
 * cost one callback a turn.
 */
export class LoopTurns {
  #current = 0
  #isScheduled = false
  #waiting: (() => void)[] = []

  get current(): number {
    this.#schedule()
    return this.#current
  }

  /** Calls once, when all sockets that are ready now have been read. */
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
    const waiting = this.#waiting
    this.#waiting = []
    for (const call of waiting) call()
  }
}
