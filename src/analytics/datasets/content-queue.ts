/** Makes a few contents at a time, one of each dataset; the others wait in the order they came. */
import { ConnectorError } from '../../errors.ts'

const MAX_RUNNING = 2
const MAX_WAITING = 1_000

interface Task {
  readonly dataset: string
  readonly version: string
  /** Never rejects. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

interface RunningTask extends Task {
  readonly cancellation: AbortController
  readonly ended: Promise<void>
}

export class ContentQueue {
  #waiting: Task[] = []
  readonly #running = new Set<RunningTask>()
  #isClosed = false

  isWaiting(dataset: string): boolean {
    return this.#waiting.some((task) => task.dataset === dataset)
  }

  /** Whether the version waits, or is being made. */
  has(dataset: string, version: string): boolean {
    return [...this.#waiting, ...this.#running].some(
      (task) => task.dataset === dataset && task.version === version,
    )
  }

  /** @throws {ConnectorError} AnalyticsUnavailable */
  expectPlace(): void {
    if (this.#waiting.length < MAX_WAITING) return
    const text = `${MAX_WAITING} contents of datasets wait to be made. Try again later.`
    throw new ConnectorError('AnalyticsUnavailable', text)
  }

  add(task: Task): void {
    this.#waiting.push(task)
    this.#next()
  }

  /**
   * Ends what runs for the dataset, or for one of its versions, and forgets what waits. Resolves when
   * it is over.
   */
  async cancel(dataset: string, version?: string): Promise<void> {
    const isMeant = (task: Task) =>
      task.dataset === dataset && (version === undefined || task.version === version)
    this.#waiting = this.#waiting.filter((task) => !isMeant(task))
    await this.#end([...this.#running].filter(isMeant))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#waiting = []
    await this.#end([...this.#running])
  }

  async #end(tasks: readonly RunningTask[]): Promise<void> {
    const reason = new ConnectorError('Stopping', 'the content is not made any more')
    for (const { cancellation } of tasks) cancellation.abort(reason)
    await Promise.all(tasks.map(({ ended }) => ended))
  }

  #next(): void {
    while (!this.#isClosed && this.#running.size < MAX_RUNNING) {
      const busy = new Set([...this.#running].map(({ dataset }) => dataset))
      const index = this.#waiting.findIndex(({ dataset }) => !busy.has(dataset))
      const [task] = index === -1 ? [] : this.#waiting.splice(index, 1)
      if (task === undefined) return
      this.#start(task)
    }
  }

  #start(task: Task): void {
    const cancellation = new AbortController()
    const ended = task.run(cancellation.signal).finally(() => {
      this.#running.delete(running)
      this.#next()
    })
    const running = { ...task, cancellation, ended }
    this.#running.add(running)
  }
}
