/**
 * Numbers the turns of the event loop, for as long as somebody asks. One callback a turn for all
 * connections together.
 */
export class LoopTurns {
  #current = 0
  #isScheduled = false
  #waiting: (() => void)[] = []

  get current(): number {
    if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => this.#next())
    }
    return this.#current
  }

  /** Calls once, when all sockets that are ready now have been read. */
  next(call: () => void): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => this.#next())
    }
    this.#waiting.push(call)
  }

  #next(): void {
    this.#isScheduled = false
    this.#current++
    const waiting = this.#waiting
    this.#waiting = []
    for (const call of waiting) call()
  }
}
