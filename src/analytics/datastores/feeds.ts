/**
 * Feeds datastores: follows the channels of all pipelines and runs those that are due, one job at a
 * time. Pipelines may come, change and go at any time.
 */
import { randomUUID } from 'node:crypto'
import type { Timer } from '../../clock.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { SerialQueue } from '../../serial-queue.ts'
import { removeFailures } from '../pipelines/failures/failure-store.ts'
import type { Datastores } from './datastores.ts'
import { Feed, FeedFailure } from './feed.ts'
import type { FedPipeline, FeedOptions } from './feed-options.ts'
import { removePipelineFiles } from './json-file.ts'
import type { DatastoreKeeping } from './keeping.ts'
import type { ReprocessingRun } from './reprocessing-file.ts'

const LONGEST_CHECK_MS = 1_000
const KEEPING_MS = 5 * 60_000
/** In a row, of one pipeline: more than it takes to find the one message that ends the process. */
const MOST_FAILURES = 30
/** In reports: what concerns all datastores. */
const ALL = '__datastores'

export interface DatastoreFeedsOptions extends FeedOptions {
  readonly pipelines: () => readonly FedPipeline[]
  readonly keeping: DatastoreKeeping
}

export class DatastoreFeeds implements Datastores {
  readonly #options: DatastoreFeedsOptions
  readonly #feeds = new Map<string, Feed>()
  readonly #jobs = new SerialQueue()
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()
  #keptAt: number | undefined
  /** There may be small files. */
  #hasNewFiles = false

  constructor(options: DatastoreFeedsOptions) {
    this.#options = options
  }

  /** Reads what was being processed again. @throws a system error if files can't be read */
  async start(): Promise<void> {
    for (const feed of this.#current()) await feed.reprocessings.open()
    this.#schedule(0)
  }

  /** Ends the job that is running. What it has not finished is left for the next start. */
  async close(): Promise<void> {
    this.#stopped.abort()
    this.#timer?.cancel()
    for (const feed of this.#feeds.values()) feed.stop()
    await this.#running
    await this.#jobs.run(async () => {})
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#running = this.check().then((hasMore) => {
        if (this.#stopped.signal.aborted) return
        this.#schedule(hasMore ? 0 : Math.min(LONGEST_CHECK_MS, this.#options.intervalMs))
      })
    })
  }

  /** Does what is due now; true if there may be more at once. Never rejects. */
  async check(): Promise<boolean> {
    let hasMore = false
    for (const feed of this.#current()) {
      if (this.#stopped.signal.aborted) return false
      const hasRun = await this.#jobs.run(() => this.#checkFeed(feed))
      hasMore ||= hasRun
      this.#hasNewFiles ||= hasRun
    }
    await this.#jobs.run(() => this.#keep(hasMore))
    return hasMore
  }

  /** True if a job has done something. */
  async #checkFeed(feed: Feed): Promise<boolean> {
    try {
      await feed.reprocessings.open()
      let hasRun = false
      if (await feed.isDue()) hasRun = (await feed.advance()) !== undefined
      if (!feed.mayReprocess) return hasRun
      await feed.reprocess()
      return true
    } catch (thrown) {
      // It was reported, and is tried again later.
      if (!(thrown instanceof FeedFailure)) this.#failed(feed.name, thrown)
      return false
    }
  }

  /** @param isBusy new files may wait for more of their kind, but not indefinitely */
  async #keep(isBusy: boolean): Promise<void> {
    const { clock, keeping } = this.#options
    const now = clock.monotonic()
    const isDue = this.#keptAt === undefined || now - this.#keptAt >= KEEPING_MS
    if (!isDue && (isBusy || !this.#hasNewFiles)) return
    this.#keptAt = now
    this.#hasNewFiles = false
    try {
      await keeping.sweep()
      await keeping.keep(this.#stopped.signal)
    } catch (thrown) {
      this.#failed(ALL, thrown)
    }
  }

  async catchUp(datastores: readonly string[], signal: AbortSignal): Promise<void> {
    const feeds = this.#current().filter(({ ends }) => datastores.includes(ends.datastore))
    const targets = new Map<Feed, number>()
    for (const feed of feeds) targets.set(feed, await feed.target())
    for (const [feed, target] of targets) await this.#catchUp(feed, target, signal)
  }

  async #catchUp(feed: Feed, target: number, signal: AbortSignal): Promise<void> {
    let failures = 0
    for (let isThere = false; !isThere; ) {
      signal.throwIfAborted()
      try {
        isThere = await this.#jobs.run(() => this.#advanceTo(feed, target))
        failures = 0
      } catch (thrown) {
        if (!(thrown instanceof FeedFailure)) throw thrown
        // A message that ends the process is found by trying fewer and fewer.
        if (thrown.isWaiting || ++failures > MOST_FAILURES) throw thrown.error
      }
    }
  }

  /** True when it has come so far. @throws {FeedFailure} */
  async #advanceTo(feed: Feed, target: number): Promise<boolean> {
    this.#stopped.signal.throwIfAborted()
    if ((await feed.offset()) >= target) return true
    const reached = await feed.advance()
    this.#hasNewFiles = true
    return reached === undefined || reached >= target
  }

  /** @throws {ConnectorError} StorageFailed */
  async startReprocessing(
    pipeline: string,
    window: { readonly from: number | undefined; readonly until: number | undefined },
  ): Promise<string> {
    const feed = this.#feedOf(pipeline)
    if (feed === undefined) throw new ConnectorError('InvalidPipeline', `no pipeline ${pipeline}`)
    const id = randomUUID()
    await feed.startReprocessing(id, window)
    return id
  }

  /** False if there is no such run, or it has ended. @throws {ConnectorError} StorageFailed */
  async cancelReprocessing(pipeline: string, id: string): Promise<boolean> {
    const feed = this.#feedOf(pipeline)
    const run = feed?.reprocessings.list.find((one) => one.id === id)
    if (feed === undefined || run === undefined) return false
    if (run.status !== 'RUNNING') return true
    await feed.reprocessings.change(id, { status: 'CANCELLED' })
    feed.endJobOf(id)
    return true
  }

  /** The newest first. */
  reprocessings(pipeline: string): readonly ReprocessingRun[] {
    return this.#feedOf(pipeline)?.reprocessings.list ?? []
  }

  /** The pipeline is not defined any more. What it has made stays. Never rejects. */
  async pipelineRemoved(pipeline: string): Promise<void> {
    this.#forget(pipeline)
    try {
      const { directory } = this.#options
      await this.#jobs.run(async () => {
        await removePipelineFiles(directory, pipeline)
        await removeFailures(directory, pipeline)
      })
    } catch (thrown) {
      this.#failed(pipeline, thrown)
    }
  }

  /**
   * Removes all that the datastore has, before its definition is removed.
   * @returns what brings it back
   * @throws {ConnectorError} StorageFailed
   */
  async removeDatastore(datastore: string): Promise<() => Promise<void>> {
    for (const feed of this.#feeds.values()) {
      if (feed.ends.datastore === datastore) this.#forget(feed.name)
    }
    this.#keptAt = undefined
    return this.#jobs.run(() => this.#options.keeping.setAside(datastore))
  }

  #forget(pipeline: string): void {
    this.#feeds.get(pipeline)?.stop()
    this.#feeds.delete(pipeline)
  }

  /** Those that are defined now. */
  #current(): Feed[] {
    const defined = this.#options.pipelines()
    const names = new Set(defined.map(({ name }) => name))
    for (const name of this.#feeds.keys()) if (!names.has(name)) this.#forget(name)
    return defined.flatMap(({ name }) => this.#feedOf(name) ?? [])
  }

  #feedOf(name: string): Feed | undefined {
    const find = () => this.#options.pipelines().find((one) => one.name === name)
    const defined = find()
    if (defined === undefined || this.#stopped.signal.aborted) return undefined
    const known = this.#feeds.get(name)
    if (known?.createdAt === defined.createdAt) return known
    known?.stop()
    const feed = new Feed(this.#options, () => find() ?? defined)
    this.#feeds.set(name, feed)
    return feed
  }

  #failed(name: string, thrown: unknown): void {
    if (this.#stopped.signal.aborted) return
    const error = asConnectorError(thrown, 'Unexpected', 'datastores')
    this.#options.observer.pipelineDelayed(name, error, LONGEST_CHECK_MS)
  }
}
