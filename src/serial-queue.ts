/**
 * Does one thing after the other: a log's reads from disk, its removals and its index files share
 * open files and must not meet.
 */
export class Sequence {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `task` when everything before it has settled. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task, task)
    this.#last = result.catch(() => undefined)
    return result
  }
}
