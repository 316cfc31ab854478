/**
 * Decides which rows become files, and when; the worker process does the work, one job at a time.
 *
 * It is a reader of history, not a cursor: it holds nothing back. Rows that were removed before it
 * came are a gap, which is counted. Messages are never delayed for it: it pauses while the disk has
 * less room than the log may need.
 */
import * as z from 'zod'
import type { OffsetRange } from '../../channels/log/channel-log.ts'
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import { finalFiles, planCompaction } from './compaction-plan.ts'
import {
  ASSUMED_ROW_BYTES,
  failureDelayMs,
  isConversionDue,
  MOST_DIVISIONS,
  rowsPerJob,
  rowsToLeaveOut,
} from './conversion-schedule.ts'
import { keptDays, type RetentionRules, type WaitingDays } from './retention.ts'
import { dayOf } from './table-file.ts'
import { TableKeeping } from './table-keeping.ts'
import { coverageOf, type ListedFile, listTable } from './table-listing.ts'
import { channelTable, type TableLocation } from './table-location.ts'

const CHECK_MS = 10_000
const KEEPING_MS = 10 * 60_000
/** A job of so long hangs. */
const JOB_TIMEOUT_MS = 30 * 60_000

/** A channel's log, as far as it matters here. */
export interface ConvertibleLog {
  readonly channel: string
  readonly logId: string
  /** Rows below are durable. */
  readonly committed: number
}

/** The worker process. */
export interface JobRunner {
  run(
    job: string,
    request: unknown,
    options: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<unknown>
}

/**
 * What stores a table's files elsewhere, as they are. A file that was offered never changes again: so
 * each row is there once.
 */
export interface FileUploads {
  /**
   * Paths of files that were offered; compaction leaves them alone.
   * @throws a system error if that can't be read
   */
  fixedIn(table: TableLocation): Promise<ReadonlySet<string>>
  /**
   * Offers the files that are final. When it resolves, that is on disk, and they are uploaded in the
   * background.
   * @param files all that the table has
   * @throws a system error if it can't be written
   */
  offer(
    table: TableLocation,
    files: readonly ListedFile[],
    final: readonly ListedFile[],
  ): Promise<void>
  /** The first day with a file that is not stored yet; undefined if all are. */
  firstWaitingDay(table: TableLocation): string | undefined
}

export interface TableConverterOptions {
  /** The data directory. */
  readonly directory: string
  readonly connectorId: string
  readonly retention: RetentionRules
  /** Of a channel whose definition says less; undefined if it says nothing. */
  readonly retentionDaysOf?: (channel: string) => number | undefined
  /** The time that a query may take. */
  readonly longestQueryMs: number
  /** The logs of the channels that have files. */
  readonly logs: () => Iterable<ConvertibleLog>
  /** Why nothing may be written now; undefined if it may. */
  readonly noRoom: () => Promise<string | undefined>
  readonly jobs: JobRunner
  /** Default: files are not uploaded. */
  readonly uploads?: FileUploads | undefined
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** What is known of one channel. */
interface Progress {
  readonly logId: string
  /** Rows below are in files, or gone. */
  convertedTo: number
  /** Since when there are rows to convert, by the monotonic clock. */
  waitingSince: number | undefined
  waitingRows: number
  rowBytes: number
  /** In succession. */
  failures: number
  /** How often the number of rows of a job was divided. */
  divisions: number
  /** By the monotonic clock: after a failure it waits. */
  notBefore: number
  files: readonly ListedFile[]
  /** Files of expired days that are still there. */
  expiring: readonly ListedFile[]
  /** When its files were looked after last; undefined if something has changed since then. */
  keptAt: number | undefined
}

/** What holds for all channels during one check. */
interface Situation {
  /** Why nothing may be written. */
  readonly noRoom: string | undefined
  /** By channel: days before it expire. */
  readonly keptFrom: (channel: string) => string
}

const resultShape = z.object({
  rows: z.number(),
  files: z.number(),
  bytes: z.number(),
  payloadBytes: z.number(),
  drifted: z.number(),
  gapRows: z.number().default(0),
  /** Of a conversion: rows below are in files, or gone. */
  to: z.number().optional(),
})

export class TableConverter {
  readonly #options: TableConverterOptions
  readonly #keeping: TableKeeping
  readonly #progress = new Map<string, Progress>()
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(options: TableConverterOptions) {
    this.#options = options
    this.#keeping = new TableKeeping(options)
  }

  start(): void {
    this.#timer = this.#options.clock.after(CHECK_MS, () => {
      this.#running = this.check().finally(() => {
        if (!this.#stopped.signal.aborted) this.start()
      })
    })
  }

  /** Ends the job that is running. What it has not finished is left for the next start. */
  async close(): Promise<void> {
    this.#stopped.abort()
    this.#timer?.cancel()
    await this.#running
  }

  /** Does what is due now. Never rejects. */
  async check(): Promise<void> {
    const { clock, retention, logs } = this.#options
    const noRoom = await this.#options.noRoom().catch(() => undefined)
    const waiting = await waitingDays(logs(), this.#options.uploads)
    const { retentionDaysOf } = this.#options
    const rules = { ...retention, retentionDaysOf }
    const keptFrom = keptDays(this.#files(), clock.now(), rules, waiting)
    for (const log of logs()) {
      if (this.#stopped.signal.aborted) return
      await this.#attempt(log, { noRoom, keptFrom })
    }
  }

  async #attempt(log: ConvertibleLog, { noRoom, keptFrom }: Situation): Promise<void> {
    const { clock } = this.#options
    const progress = await this.#progressOf(log).catch(() => undefined)
    if (progress === undefined) return
    this.#measure(log, progress)
    await this.#keep(log, progress, keptFrom(log.channel))
    if (clock.monotonic() < progress.notBefore || !this.#isDue(progress)) return
    try {
      if (noRoom !== undefined) throw new ConnectorError('TablesFull', noRoom)
      this.#expectRoomForToday()
      await this.#convert(log, progress)
      progress.failures = 0
    } catch (error) {
      const delayMs = failureDelayMs(progress.failures++, this.#options.random())
      progress.notBefore = clock.monotonic() + delayMs
      this.#failed(log, error, delayMs)
    }
  }

  /** Rows of a new log are at other offsets than those of the one before. */
  async #progressOf({ channel, logId }: ConvertibleLog): Promise<Progress> {
    const known = this.#progress.get(channel)
    if (known?.logId === logId) return known
    const { files } = await listTable(this.#options.directory, channelTable(channel))
    const progress: Progress = {
      logId,
      convertedTo: coverageOf(files, logId).end,
      waitingSince: undefined,
      waitingRows: known?.waitingRows ?? 0,
      rowBytes: known?.rowBytes ?? ASSUMED_ROW_BYTES,
      failures: 0,
      divisions: 0,
      notBefore: 0,
      files: known?.files ?? [],
      expiring: known?.expiring ?? [],
      keptAt: undefined,
    }
    this.#progress.set(channel, progress)
    return progress
  }

  #measure({ channel, committed }: ConvertibleLog, progress: Progress): void {
    const waitingRows = Math.max(0, committed - progress.convertedTo)
    if (waitingRows === 0) progress.waitingSince = undefined
    else progress.waitingSince ??= this.#options.clock.monotonic()
    const grown = waitingRows - progress.waitingRows
    progress.waitingRows = waitingRows
    if (grown !== 0) {
      this.#options.observer.tablesGrew(channel, { waitingRows: grown, files: 0, bytes: 0 })
    }
  }

  #isDue({ waitingRows: rows, waitingSince, rowBytes, divisions }: Progress): boolean {
    if (divisions > 0) return rows > 0
    const now = this.#options.clock.monotonic()
    return isConversionDue({ rows, rowBytes, ageMs: now - (waitingSince ?? now) })
  }

  /** The files of today are never removed, so they have a limit of their own. */
  #expectRoomForToday(): void {
    const { clock, retention } = this.#options
    const today = dayOf(clock.now())
    let bytes = 0
    for (const file of this.#files()) if (file.day === today) bytes += file.bytes
    if (bytes < retention.maxBytes) return
    const text = `the files of today have ${bytes} bytes, and analytics.tables.maxBytes is ${retention.maxBytes}; no more are written until tomorrow`
    throw new ConnectorError('TablesFull', text)
  }

  async #convert(log: ConvertibleLog, progress: Progress): Promise<void> {
    const from = progress.convertedTo
    const to = Math.min(log.committed, from + rowsPerJob(progress.divisions))
    try {
      await this.#convertRange(log, progress, { from, to })
      progress.divisions = Math.max(0, progress.divisions - 1)
    } catch (error) {
      if (to - from === 1 && (await this.#leaveOut(log, progress, error))) return
      progress.divisions = Math.min(MOST_DIVISIONS, progress.divisions + 1)
      throw error
    }
  }

  /**
   * A row that fails again and again must not stop all later ones. It is left out once a later one
   * could be converted: so the reason is neither DuckDB nor the disk.
   */
  async #leaveOut(log: ConvertibleLog, progress: Progress, error: unknown): Promise<boolean> {
    const rows = rowsToLeaveOut(progress.failures)
    const from = progress.convertedTo
    const next = from + rows
    if (rows === 0 || next >= log.committed) return false
    try {
      await this.#convertRange(log, progress, { from: next, to: next + 1 })
    } catch {
      return false
    }
    const leftOut = { from, to: next }
    this.#options.observer.rowsLeftOut(log.channel, leftOut, asError(error))
    return true
  }

  async #convertRange(
    log: ConvertibleLog,
    progress: Progress,
    { from, to }: OffsetRange,
  ): Promise<void> {
    const { channel, logId } = log
    const { directory, connectorId, observer, clock } = this.#options
    const began = clock.monotonic()
    const result = await this.#run('convert', { directory, channel, connectorId, logId, from, to })
    progress.convertedTo = result.to ?? to
    progress.waitingSince = undefined
    progress.keptAt = undefined
    if (result.rows > 0) progress.rowBytes = result.payloadBytes / result.rows
    observer.rowsConverted(channel, { ...result, durationMs: clock.monotonic() - began })
    this.#measure(log, progress)
  }

  /** After each conversion and every few minutes: what is too old, too much, or too small. */
  async #keep(log: ConvertibleLog, progress: Progress, keptFrom: string): Promise<void> {
    const now = this.#options.clock.monotonic()
    if (progress.keptAt !== undefined && now - progress.keptAt < KEEPING_MS) return
    try {
      if (!(await this.#keepFiles(log.channel, progress, keptFrom))) progress.keptAt = now
    } catch (error) {
      progress.keptAt = now
      this.#failed(log, error, KEEPING_MS)
    }
  }

  /** True if there may be more to do at once. */
  async #keepFiles(channel: string, progress: Progress, keptFrom: string): Promise<boolean> {
    const { directory, connectorId, clock, uploads } = this.#options
    const table = channelTable(channel)
    const { files, expiring } = await this.#keeping.keep(table, keptFrom)
    this.#listed(channel, progress, files)
    progress.expiring = expiring
    const fixed = (await uploads?.fixedIn(table)) ?? new Set<string>()
    const paths = planCompaction(files, clock.now(), { fixed })?.map(({ path }) => path)
    if (paths === undefined) {
      await uploads?.offer(table, files, finalFiles(files, clock.now()))
      return false
    }
    await this.#run('compact', { directory, table, connectorId, paths })
    return true
  }

  /** All that are on disk: without those that expire, their days would not expire the next time. */
  *#files(): Generator<ListedFile> {
    for (const { files, expiring } of this.#progress.values()) {
      yield* files
      yield* expiring
    }
  }

  #listed(channel: string, progress: Progress, files: readonly ListedFile[]): void {
    const bytes = bytesOf(files) - bytesOf(progress.files)
    const more = files.length - progress.files.length
    progress.files = files
    this.#options.observer.tablesGrew(channel, { waitingRows: 0, files: more, bytes })
  }

  async #run(job: string, request: unknown) {
    const { signal } = this.#stopped
    const options = { signal, timeoutMs: JOB_TIMEOUT_MS }
    return resultShape.parse(await this.#options.jobs.run(job, request, options))
  }

  #failed({ channel }: ConvertibleLog, error: unknown, delayMs: number): void {
    if (this.#stopped.signal.aborted) return
    const { observer } = this.#options
    observer.conversionFailed(channel, asError(error), delayMs)
  }
}

function asError(error: unknown): ConnectorError {
  return asConnectorError(error, 'Unexpected', 'tables')
}

function bytesOf(files: readonly ListedFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Before every day: what waits is not known, so nothing expires by age. */
const UNKNOWN = ''

async function waitingDays(
  logs: Iterable<{ readonly channel: string }>,
  uploads: FileUploads | undefined,
): Promise<WaitingDays> {
  const days = new Map<string, string>()
  if (uploads === undefined) return days
  for (const { channel } of logs) {
    const table = channelTable(channel)
    const isKnown = await uploads.fixedIn(table).then(
      () => true,
      () => false,
    )
    const day = isKnown ? uploads.firstWaitingDay(table) : UNKNOWN
    if (day !== undefined) days.set(channel, day)
  }
  return days
}
