/**
 * Runs one pipeline: takes the messages of its channel that have come since, a job at a time, and
 * those that are to be processed again. Only one job of a pipeline runs at a time.
 *
 * It is a reader of history, not a cursor: it holds no message back. Its position is in the names of
 * the files that it has made, and in a file of its own for messages that left nothing.
 */
import * as z from 'zod'
import { ConnectorError } from '../../errors.ts'
import { SerialQueue } from '../../serial-queue.ts'
import { readTable } from '../tables/table.ts'
import { coverageOf, listTable } from '../tables/table-listing.ts'
import { channelTable, datastoreTable } from '../tables/table-location.ts'
import { Attempts } from './attempts.ts'
import { endsOf, type FedPipeline, type FeedLog, type FeedOptions } from './feed-options.ts'
import { type Position, readPosition, writePosition } from './position-file.ts'
import type { ReprocessingRun } from './reprocessing-file.ts'
import { firstOffsetOf, nextUnit, Reprocessings, type ReprocessingUnit } from './reprocessings.ts'
import { declaredSchemaOf } from './schema/declared-schema.ts'

/** This many messages do not wait for others. */
const DUE_MESSAGES = 50_000
/** A job of so long hangs. */
const JOB_TIMEOUT_MS = 30 * 60_000

const resultShape = z.object({
  to: z.number(),
  messages: z.number(),
  rows: z.number(),
  dropped: z.number(),
  failures: z.array(
    z.object({
      activity: z.string(),
      lambdaName: z.string().optional(),
      count: z.number(),
      reason: z.string(),
    }),
  ),
  gap: z.number(),
  files: z.number(),
  bytes: z.number(),
  drifted: z.number(),
})

/** What a job is to do. */
interface Work {
  readonly from: number
  readonly to: number
  readonly path?: string | undefined
  readonly window?: { readonly from?: number | undefined; readonly until?: number | undefined }
}

interface Situation {
  readonly log: FeedLog
  readonly channel: string
  readonly datastore: string
  readonly position: Position
}

/** A job that has failed, and whether it only has to wait. */
export class FeedFailure extends Error {
  override readonly name = 'FeedFailure'
  readonly error: ConnectorError
  readonly isWaiting: boolean

  constructor(error: ConnectorError, isWaiting: boolean) {
    super(error.message, { cause: error })
    this.error = error
    this.isWaiting = isWaiting
  }
}

export class Feed {
  readonly reprocessings: Reprocessings
  readonly #options: FeedOptions
  readonly #pipeline: () => FedPipeline
  readonly #createdAt: number
  readonly #name: string
  readonly #stopped = new AbortController()
  readonly #attempts = new Attempts()
  readonly #again = new Attempts()
  /** Reads and writes of the position: the API asks beside the jobs. */
  readonly #positions = new SerialQueue()
  #position: { readonly datastore: string; readonly position: Position } | undefined
  #waiting = 0
  /** By the monotonic clock. */
  #waitingSince: number | undefined
  /** Why the last job has failed. */
  #problem = ''
  #job: { readonly run: string | undefined; readonly abort: AbortController } | undefined

  /** @param pipeline as it is defined now; its name and its creation stay the same */
  constructor(options: FeedOptions, pipeline: () => FedPipeline) {
    const { name, createdAt } = pipeline()
    this.#options = options
    this.#pipeline = pipeline
    this.#name = name
    this.#createdAt = createdAt
    this.reprocessings = new Reprocessings({ ...options, pipeline: name, createdAt })
  }

  get name(): string {
    return this.#name
  }

  get createdAt(): number {
    return this.#createdAt
  }

  get ends(): { readonly channel: string; readonly datastore: string } {
    return endsOf(this.#pipeline().definition)
  }

  /** Ends the job that is running, and the pipeline with it. */
  stop(): void {
    this.#stopped.abort()
    this.#job?.abort.abort()
    this.#measure(0)
  }

  /** Ends the job of this reprocessing, if it is running. */
  endJobOf(run: string): void {
    if (this.#job?.run === run) this.#job.abort.abort()
  }

  /** Whether messages wait that are due now. Finds the position, which a new pipeline begins with. */
  async isDue(): Promise<boolean> {
    const situation = await this.#situation()
    const { clock, intervalMs } = this.#options
    const now = clock.monotonic()
    this.#measure(situation === undefined ? 0 : situation.log.committed - situation.position.offset)
    if (this.#waiting === 0 || now < this.#attempts.notBefore) return false
    const ageMs = now - (this.#waitingSince ?? now)
    return this.#waiting >= DUE_MESSAGES || ageMs >= intervalMs || this.#attempts.isReduced
  }

  /**
   * Runs the pipeline on the next messages, as many as one job takes.
   * @returns the offset below which all are processed; undefined if nothing was to do
   * @throws {FeedFailure}
   */
  async advance(): Promise<number | undefined> {
    const situation = await this.#situation()
    if (situation === undefined) return undefined
    const { log, datastore, position } = situation
    const from = position.offset
    const to = Math.min(log.committed, from + this.#attempts.messages)
    if (from >= to) return undefined
    const result = await this.#attempt(situation, { from, to }, this.#attempts)
    this.#waitingSince = undefined
    await this.#positions.run(() => this.#moveTo(datastore, { ...position, offset: result.to }))
    this.#measure(log.committed - result.to)
    return result.to
  }

  /** Messages below are processed. */
  async offset(): Promise<number> {
    const situation = await this.#situation()
    return situation?.position.offset ?? Number.POSITIVE_INFINITY
  }

  /** Where the pipeline is to come to, so that all that is committed now is processed. */
  async target(): Promise<number> {
    const situation = await this.#situation()
    return situation?.log.committed ?? 0
  }

  /** Begins to process messages again; they are those that arrived at `from ≤ x < until`. */
  async startReprocessing(
    id: string,
    { from, until }: { readonly from: number | undefined; readonly until: number | undefined },
  ): Promise<void> {
    const situation = await this.#situation()
    const { directory, clock } = this.#options
    const bounds = { ...(from !== undefined && { from }), ...(until !== undefined && { until }) }
    const run = { id, createdAt: clock.now(), ...bounds }
    if (situation === undefined) {
      await this.reprocessings.add({ ...run, status: 'SUCCEEDED', logId: '', at: 0, to: 0 })
      return
    }
    const { log, channel, position } = situation
    const { files } = await readTable(directory, channelTable(channel))
    const at = await firstOffsetOf(log, files, from)
    const last = until === undefined ? position.offset : await log.offsetAt(until)
    const to = Math.max(at, Math.min(position.offset, last))
    await this.reprocessings.add({ ...run, status: 'RUNNING', logId: log.logId, at, to })
  }

  get mayReprocess(): boolean {
    if (this.reprocessings.running === undefined) return false
    return this.#options.clock.monotonic() >= this.#again.notBefore
  }

  /**
   * Processes the next file, or messages that are in none, again.
   * @throws {FeedFailure}
   */
  async reprocess(): Promise<void> {
    const run = this.reprocessings.running
    const situation = await this.#situation()
    if (run === undefined || situation === undefined) return
    if (situation.log.logId !== run.logId) {
      const reason = 'The channel was created again, and has none of these messages.'
      await this.reprocessings.change(run.id, { status: 'FAILED', reason })
      return
    }
    const table = datastoreTable(situation.datastore, this.#name)
    const { files } = await listTable(this.#options.directory, table)
    const unit = nextUnit(run, files, this.#again)
    if (unit === undefined) await this.reprocessings.change(run.id, { status: 'SUCCEEDED' })
    else await this.#reprocess(situation, run, unit)
  }

  async #reprocess(
    situation: Situation,
    run: ReprocessingRun,
    unit: ReprocessingUnit,
  ): Promise<void> {
    const { from, until } = run
    const window = { ...(from !== undefined && { from }), ...(until !== undefined && { until }) }
    const work = { ...unit, window }
    const { to } = await this.#attempt(situation, work, this.#again, run.id).catch(
      async (thrown: unknown) => {
        if (thrown instanceof FeedFailure && thrown.error.code === 'DataDamaged') {
          const { message: reason } = thrown
          await this.reprocessings.change(run.id, { status: 'FAILED', reason })
        }
        throw thrown
      },
    )
    const { status } = this.reprocessings.list.find(({ id }) => id === run.id) ?? run
    if (status === 'RUNNING') await this.reprocessings.change(run.id, { at: to })
  }

  /** A job, or the answer to its failures. @throws {FeedFailure} */
  async #attempt(situation: Situation, work: Work, attempts: Attempts, run?: string) {
    const { clock, random, observer } = this.#options
    const began = clock.monotonic()
    try {
      const noRoom = await this.#options.noRoom().catch(() => undefined)
      if (noRoom !== undefined) throw new ConnectorError('TablesFull', noRoom)
      const result = await this.#run(situation, work, attempts.mustSkip, run)
      attempts.succeeded()
      const durationMs = clock.monotonic() - began
      observer.pipelineRan(this.#name, { ...result, durationMs, isAgain: run !== undefined })
      for (const { lambdaName, ...failure } of result.failures) {
        observer.pipelineFailed(this.#name, { ...failure, lambdaName })
      }
      return result
    } catch (thrown) {
      const tried = work.to - work.from
      const { error, delayMs, isWaiting } = attempts.failed(
        thrown,
        tried,
        clock.monotonic(),
        random(),
      )
      this.#problem = error.message
      if (!this.#stopped.signal.aborted) observer.pipelineDelayed(this.#name, error, delayMs)
      throw new FeedFailure(error, isWaiting)
    }
  }

  async #run(situation: Situation, work: Work, mustSkip: boolean, run: string | undefined) {
    this.#stopped.signal.throwIfAborted()
    const { channel, log, datastore } = situation
    const { directory, connectorId, settings, jobs } = this.#options
    const definition = this.#options.datastore(datastore)
    const columns = definition && declaredSchemaOf(definition)
    const derivation = {
      directory,
      connectorId,
      channel,
      logId: log.logId,
      from: work.from,
      to: work.to,
      datastore,
      pipeline: this.#name,
      activities: this.#pipeline().definition.pipelineActivities,
      ...(columns && { columns }),
    }
    const request = {
      derivation,
      settings,
      path: work.path,
      window: work.window,
      ...(mustSkip && {
        skipped: `no process that ran the pipeline on it came to an end: ${this.#problem}`,
      }),
    }
    const abort = new AbortController()
    this.#job = { run, abort }
    try {
      const options = { signal: abort.signal, timeoutMs: JOB_TIMEOUT_MS }
      return resultShape.parse(await jobs.run('derive', request, options))
    } finally {
      this.#job = undefined
    }
  }

  /** Undefined if the channel has never had a message, or the datastore is gone. */
  async #situation(): Promise<Situation | undefined> {
    const { channel, datastore } = this.ends
    const log = this.#options.log(channel)
    if (log === undefined || this.#options.datastore(datastore) === undefined) return undefined
    const position = await this.#positions.run(() => this.#positionIn(log, datastore))
    return { log, channel, datastore, position }
  }

  async #positionIn(log: FeedLog, datastore: string): Promise<Position> {
    const known = this.#position
    if (known?.datastore === datastore && known.position.logId === log.logId) return known.position
    const { directory } = this.#options
    const stored = known?.position ?? (await readPosition(directory, this.#name))
    const { files } = await listTable(directory, datastoreTable(datastore, this.#name))
    const offset = Math.max(
      coverageOf(files, log.logId).end,
      stored?.createdAt !== this.#createdAt
        ? await log.offsetAt(this.#createdAt)
        : stored.logId === log.logId
          ? stored.offset
          : log.start,
    )
    const position = { createdAt: this.#createdAt, logId: log.logId, offset }
    await this.#moveTo(datastore, position)
    return position
  }

  async #moveTo(datastore: string, position: Position): Promise<void> {
    await writePosition(this.#options.directory, this.#name, position)
    this.#position = { datastore, position }
  }

  #measure(waiting: number): void {
    const messages = Math.max(0, waiting)
    if (messages === 0) this.#waitingSince = undefined
    else this.#waitingSince ??= this.#options.clock.monotonic()
    const grown = messages - this.#waiting
    this.#waiting = messages
    if (grown !== 0) this.#options.observer.pipelineWaits(this.#name, grown)
  }
}
