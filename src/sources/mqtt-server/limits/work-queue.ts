/**
 * Runs a few tasks at a time, while a bounded number wait. Password checks go through it: they run
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

  /** Runs `work` when its turn comes. Check `isFull` first. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#options.maxRunning) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The task that has waited longest takes over this place; without one the place is free.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
