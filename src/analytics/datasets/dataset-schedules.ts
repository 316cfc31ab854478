/**
 * Makes datasets run when their schedules say so. Times that passed while the connector was stopped
 * are made up for by one run, for the latest of them.
 */
import type { Clock, Timer } from '../../clock.ts'
import type { DatasetDefinition } from '../resources/dataset-definition.ts'
import type { Resource } from '../resources/resource-file.ts'
import { schedulesOf } from './query-action.ts'
import { latestFire, nextFire } from './run-times.ts'

/** A dataset that was created or changed meanwhile, or a clock that was set, is noticed by then. */
const LONGEST_MS = 10_000
/** A clock that was further ahead than this has been set back. Less is waited for. */
const SET_BACK_MS = 3_600_000

export interface ScheduledDatasets {
  list(): readonly Resource<DatasetDefinition>[]
  /** When the dataset last ran by schedule; undefined if it never did. */
  lastRunOf(dataset: string): number | undefined
  /** Resolves when the run is stored. Never rejects. */
  run(dataset: string, scheduledAt: number): Promise<void>
  /** Reports what has kept a dataset from running. */
  failed(dataset: string, thrown: unknown): void
}

export class DatasetSchedules {
  readonly #datasets: ScheduledDatasets
  readonly #clock: Clock
  #timer: Timer | undefined
  #checking: Promise<void> = Promise.resolve()
  /** By the machine's clock; undefined before the first. */
  #checkedAt: number | undefined
  #isClosed = false

  constructor(datasets: ScheduledDatasets, clock: Clock) {
    this.#datasets = datasets
    this.#clock = clock
  }

  start(): void {
    this.#checking = this.check().then((delayMs) => {
      if (!this.#isClosed) this.#timer = this.#clock.after(delayMs, () => this.start())
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#checking
  }

  /** Runs what is due. Resolves with the time to wait for the next. */
  async check(): Promise<number> {
    const now = this.#clock.now()
    let next = now + LONGEST_MS
    for (const dataset of this.#datasets.list()) {
      try {
        next = Math.min(next, (await this.#checkDataset(dataset, now)) ?? next)
      } catch (thrown) {
        this.#datasets.failed(dataset.name, thrown)
      }
    }
    this.#checkedAt = now
    return Math.max(1, next - this.#clock.now())
  }

  /** Resolves with the next time of its schedules. */
  async #checkDataset(
    dataset: Resource<DatasetDefinition>,
    now: number,
  ): Promise<number | undefined> {
    const { name, definition, createdAt: since } = dataset
    const schedules = schedulesOf(definition)
    if (schedules.length === 0) return undefined
    const after = this.#lastTime(dataset, now)
    const due = latestFire(schedules, { after, until: now, since })
    if (due !== undefined) await this.#datasets.run(name, due)
    return nextFire(schedules, Math.max(after, now), since)
  }

  /** What was before the last change of the dataset counts no more. */
  #lastTime({ name, updatedAt }: Resource<DatasetDefinition>, now: number): number {
    const last = Math.max(this.#datasets.lastRunOf(name) ?? 0, updatedAt)
    return last > now + SET_BACK_MS ? Math.min(now, this.#checkedAt ?? now) : last
  }
}
