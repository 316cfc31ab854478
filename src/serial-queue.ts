/** Runs tasks one at a time, in the order they were given, whether or not the earlier ones fail. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `task` once every task given before has settled. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task, task)
    this.#last = result.catch(() => undefined)
    return result
  }
}
