/**
 * A few pieces of work at a time, a bounded number waiting. Password checks go through it: they run
 * on the thread pool that also writes to disk, and must never take all of its threads.
 */
export interface WorkQueueOptions {
  readonly maxRunning: number
  readonly maxWaiting: number
}

export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#options.maxWaiting
  }

  /** Starts when it is its turn. Ask `isFull` first. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#options.maxRunning) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      // Whoever waited longest takes the place over; only without one is it given back.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
