/** The reprocessings of one pipeline. A change is durable before it is seen. */

import { SerialQueue } from '../../serial-queue.ts'
import { dayOf } from '../tables/table-file.ts'
import type { ListedFile } from '../tables/table-listing.ts'
import type { FeedLog } from './feed-options.ts'
import { type ReprocessingRun, readReprocessings, writeReprocessings } from './reprocessing-file.ts'

export interface ReprocessingsOptions {
  /** The data directory. */
  readonly directory: string
  readonly pipeline: string
  /** Of the pipeline. */
  readonly createdAt: number
}

export class Reprocessings {
  readonly #options: ReprocessingsOptions
  readonly #changes = new SerialQueue()
  #runs: readonly ReprocessingRun[] | undefined

  constructor(options: ReprocessingsOptions) {
    this.#options = options
  }

  /** Reads what was stored before. @throws a system error if it can't be read */
  async open(): Promise<void> {
    const { directory, pipeline, createdAt } = this.#options
    this.#runs ??= await readReprocessings(directory, pipeline, createdAt)
  }

  /** The newest first. */
  get list(): readonly ReprocessingRun[] {
    return this.#runs ?? []
  }

  /** The one to go on with: they run one after the other. */
  get running(): ReprocessingRun | undefined {
    return this.list.findLast(({ status }) => status === 'RUNNING')
  }

  /** @throws {ConnectorError} StorageFailed; then nothing has changed */
  async add(run: ReprocessingRun): Promise<void> {
    await this.open()
    await this.#replace((runs) => [run, ...runs])
  }

  /** @throws {ConnectorError} StorageFailed; then nothing has changed */
  async change(id: string, change: Partial<ReprocessingRun>): Promise<void> {
    await this.#replace((runs) => runs.map((run) => (run.id === id ? { ...run, ...change } : run)))
  }

  /** One change at a time: each is written as a whole. */
  #replace(change: (runs: readonly ReprocessingRun[]) => ReprocessingRun[]): Promise<void> {
    return this.#changes.run(async () => {
      const { directory, pipeline, createdAt } = this.#options
      const runs = change(this.list)
      await writeReprocessings(directory, pipeline, createdAt, runs)
      this.#runs = runs
    })
  }
}

/** Messages to be processed again: those of a file of the datastore, or of none. */
export interface ReprocessingUnit {
  readonly path: string | undefined
  readonly from: number
  readonly to: number
}

/**
 * The next messages of the run; undefined if it is done.
 * @param files of the datastore and the pipeline, by offset
 * @param most how many messages are taken that are in no file, and from a file if `isReduced`
 */
export function nextUnit(
  { at, to, logId }: ReprocessingRun,
  files: readonly ListedFile[],
  { messages, isReduced }: { readonly messages: number; readonly isReduced: boolean },
): ReprocessingUnit | undefined {
  if (at >= to) return undefined
  const own = files.filter((file) => file.logId === logId && file.end > at)
  const inside = own.find(({ first }) => first <= at)
  const most = Math.min(to, at + messages)
  if (inside !== undefined) {
    const end = Math.min(inside.end, isReduced ? most : to)
    return { path: inside.path, from: at, to: end }
  }
  const next = own.reduce((least, { first }) => Math.min(least, first), most)
  return { path: undefined, from: at, to: next }
}

/** Where messages of the window may begin, roughly: by day in files, by arrival in the log. */
export async function firstOffsetOf(
  log: FeedLog,
  channelFiles: readonly ListedFile[],
  from: number | undefined,
): Promise<number> {
  const inLog = from === undefined ? log.start : await log.offsetAt(from)
  if (inLog > log.start) return inLog
  const day = from === undefined ? '' : dayOf(from)
  const first = channelFiles.find((file) => file.logId === log.logId && file.day >= day)
  return Math.min(first?.first ?? inLog, inLog)
}
