/**
 * Stores the Parquet files of channels in S3, as they are, one at a time, the oldest day first:
 *
 *     <prefix>/channel=<channel>/__dt=<day>/<log id>-<first>-<end>.parquet
 *
 * A file is stored once: it has the same name each time, it never changes after it was offered, and
 * the service is asked not to store a second object under a name.
 */
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import type { Clock, Timer } from '../../clock.ts'
import type { MultipartUpload } from '../../destinations/s3/multipart-upload.ts'
import { headersOf, mayIgnoreConditions } from '../../destinations/s3/object-headers.ts'
import { S3Client } from '../../destinations/s3/s3-client.ts'
import { type StoredObject, Uploader } from '../../destinations/s3/uploader.ts'
import { asConnectorError, ConnectorError, systemCodeOf } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import { SerialQueue } from '../../serial-queue.ts'
import { readCatalogue } from '../tables/catalogue.ts'
import { failureDelayMs } from '../tables/conversion-schedule.ts'
import type { FileUploads } from '../tables/converter.ts'
import { parseTablePath } from '../tables/table-file.ts'
import { type ListedFile, listTable } from '../tables/table-listing.ts'
import {
  originOf,
  shownTable,
  type TableLocation,
  tableDirectory,
} from '../tables/table-location.ts'
import type { UploadOptions } from './options.ts'
import { TableObject } from './table-object.ts'
import {
  readUploadRecord,
  type UploadRecord,
  type UploadState,
  writeUploadRecord,
} from './upload-record.ts'

const CHECK_MS = 5_000
const CONTENT_TYPE = 'application/vnd.apache.parquet'

export interface TableUploadsOptions {
  /** The data directory. */
  readonly directory: string
  readonly connectorId: string
  readonly options: UploadOptions
  /** The setting that has them. */
  readonly place: string
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** From this size on, files are sent in parts. Default: 64 MiB. */
  readonly multipartBytes?: number
  readonly partBytes?: number
}

interface WaitingFile {
  readonly table: TableLocation
  readonly path: string
  readonly day: string
}

interface Sending {
  readonly name: string
  readonly file: TableObject
  upload?: MultipartUpload
}

export class TableUploads implements FileUploads {
  readonly #options: TableUploadsOptions
  readonly #client: S3Client
  readonly #uploader: Uploader
  readonly #records = new Map<TableLocation, UploadRecord>()
  /** Records change one after the other. */
  readonly #changes = new SerialQueue()
  readonly #stopped = new AbortController()
  /** Of a file that is sent in parts: an attempt goes on where the one before has failed. */
  #sending: Sending | undefined
  /** Files that can't be read as they were written; they wait so long, by the monotonic clock. */
  readonly #damaged = new Map<string, number>()
  #isOpen = false
  #failures = 0
  #timer: Timer | undefined
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: TableUploadsOptions) {
    const { multipartBytes, partBytes } = options
    this.#options = options
    this.#client = new S3Client(options)
    this.#uploader = new Uploader({
      client: this.#client,
      headers: headersOf(options.options),
      asksFirst: mayIgnoreConditions(options.options),
      ...(multipartBytes !== undefined && { multipartBytes }),
      ...(partBytes !== undefined && { partBytes }),
    })
    setMaxListeners(0, this.#stopped.signal)
  }

  start(): void {
    this.#schedule(CHECK_MS)
  }

  /** Ends the request that is running. The file is uploaded after the next start. */
  async close(): Promise<void> {
    this.#stopped.abort()
    this.#timer?.cancel()
    await this.#running
    await this.#endSending()
    await this.#client.close()
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#running = this.check().then((nextMs) => {
        if (!this.#stopped.signal.aborted) this.#schedule(nextMs)
      })
    })
  }

  /** Uploads what waits; resolves with when to look again. Never rejects. */
  async check(): Promise<number> {
    for (;;) {
      const file = this.#nextFile()
      if (file === undefined || this.#stopped.signal.aborted) return CHECK_MS
      const delayMs = await this.#attempt(file)
      if (delayMs > 0) return delayMs
    }
  }

  async fixedIn(table: TableLocation): Promise<ReadonlySet<string>> {
    return new Set((await this.#recordOf(table)).keys())
  }

  async offer(
    table: TableLocation,
    files: readonly ListedFile[],
    final: readonly ListedFile[],
  ): Promise<void> {
    await this.#changes.run(async () => {
      const before = await this.#recordOf(table)
      const isThere = new Set(files.map(({ path }) => path))
      const after = new Map([...before].filter(([path]) => isThere.has(path)))
      for (const { path } of final) if (!after.has(path)) after.set(path, 'waiting')
      await this.#change(table, after)
      const lost = [...before].filter(([path, state]) => state === 'waiting' && !after.has(path))
      if (lost.length > 0) this.#options.observer.uploadsLost(shownTable(table), lost.length)
    })
  }

  firstWaitingDay(table: TableLocation): string | undefined {
    return waitingIn(table, this.#records.get(table) ?? new Map())[0]?.day
  }

  /** In the order of days, of all tables. */
  #nextFile(): WaitingFile | undefined {
    const now = this.#options.clock.monotonic()
    let next: WaitingFile | undefined
    for (const [table, record] of this.#records) {
      const file = waitingIn(table, record).find(({ path }) => {
        return (this.#damaged.get(`${table}/${path}`) ?? 0) <= now
      })
      if (file !== undefined && (next === undefined || file.day < next.day)) next = file
    }
    return next
  }

  /** @returns how long to wait before the next one */
  async #attempt(file: WaitingFile): Promise<number> {
    const { observer, clock, random } = this.#options
    const { table, path } = file
    const channel = shownTable(table)
    const began = clock.monotonic()
    try {
      const bytes = await this.#upload(file)
      await this.#stored(file)
      this.#failures = 0
      observer.tableUploaded(channel, { bytes, durationMs: clock.monotonic() - began })
      return 0
    } catch (thrown) {
      if (this.#stopped.signal.aborted) return CHECK_MS
      if (systemCodeOf(thrown) === 'ENOENT') {
        // It has expired meanwhile; the next offer counts it.
        this.#damaged.set(`${table}/${path}`, Number.POSITIVE_INFINITY)
        return 0
      }
      const error = asConnectorError(thrown, 'StorageFailed', `uploading ${table}/${path}`)
      const isDamaged = error.code === 'DataDamaged'
      const delayMs = failureDelayMs(isDamaged ? MOST_FAILURES : this.#failures, random())
      observer.uploadFailed(channel, error, delayMs)
      if (isDamaged) {
        this.#damaged.set(`${table}/${path}`, clock.monotonic() + delayMs)
        return 0
      }
      this.#failures++
      return delayMs
    }
  }

  /** @returns its bytes */
  async #upload(waiting: WaitingFile): Promise<number> {
    if (!this.#isOpen) await this.#client.open()
    this.#isOpen = true
    const sending = await this.#sendingOf(waiting)
    try {
      const object = await this.#objectOf(waiting, sending.file)
      await this.#uploader.store(object, sending, this.#stopped.signal)
      await this.#endSending()
      return sending.file.length
    } catch (error) {
      if (sending.upload === undefined) await this.#endSending()
      throw error
    }
  }

  /** The one of the attempt before, if that has sent parts of the same file. */
  async #sendingOf({ table, path }: WaitingFile): Promise<Sending> {
    const name = `${table}/${path}`
    if (this.#sending?.name === name) return this.#sending
    await this.#endSending()
    const whole = join(tableDirectory(this.#options.directory, table), path)
    this.#sending = { name, file: await TableObject.open(whole) }
    return this.#sending
  }

  async #endSending(): Promise<void> {
    const sending = this.#sending
    this.#sending = undefined
    await sending?.file.close()
  }

  async #objectOf({ table, path }: WaitingFile, file: TableObject): Promise<StoredObject> {
    const { connectorId, options, observer } = this.#options
    const { logId, first, end } = parseTablePath(path) ?? never(path)
    const origin = originOf(table)
    const rows = await this.#expectWhole(table, path, file)
    return {
      key: objectKey(options.prefix, origin, path),
      file,
      contentType: CONTENT_TYPE,
      identity: {
        connector: connectorId,
        ...origin,
        'log-id': logId,
        'first-offset': String(first),
        'last-offset': String(end - 1),
      },
      facts: rows === undefined ? {} : { rows: String(rows) },
      onDifferent: (detail: string) => {
        const error = new ConnectorError('DestinationUnavailable', detail)
        observer.uploadFailed(shownTable(table), error, 0)
      },
    }
  }

  /** A file that the disk has changed must not be what is left in S3. */
  async #expectWhole(table: TableLocation, path: string, file: TableObject) {
    const catalogue = await readCatalogue(this.#options.directory, table)
    if (catalogue === undefined || catalogue === 'damaged') return undefined
    const facts = catalogue.files.get(path)
    if (facts === undefined || facts.crc32 === file.crc32) return facts?.rows
    const text = `${table}/${path}: expected the checksum ${facts.crc32}, got ${file.crc32}; the file is not uploaded. Run doctor`
    throw new ConnectorError('DataDamaged', text)
  }

  #stored({ table, path }: WaitingFile): Promise<void> {
    return this.#changes.run(async () => {
      const before = await this.#recordOf(table)
      if (before.has(path)) await this.#change(table, new Map([...before, [path, 'stored']]))
    })
  }

  async #recordOf(table: TableLocation): Promise<UploadRecord> {
    const known = this.#records.get(table)
    if (known !== undefined) return known
    const record = await this.#readRecord(table)
    this.#records.set(table, record)
    this.#report(table, new Map(), record)
    return record
  }

  /** If it is damaged, every file may have been uploaded: all wait, and the service is asked. */
  async #readRecord(table: TableLocation): Promise<UploadRecord> {
    const { directory } = this.#options
    const found = await readUploadRecord(directory, table)
    if (found !== 'damaged') return found ?? new Map()
    const { files } = await listTable(directory, table)
    const record = new Map(files.map(({ path }): [string, UploadState] => [path, 'waiting']))
    await writeUploadRecord(directory, table, record)
    return record
  }

  async #change(table: TableLocation, after: UploadRecord): Promise<void> {
    const before = this.#records.get(table) ?? new Map()
    const isSame =
      before.size === after.size && [...after].every(([path, state]) => before.get(path) === state)
    if (isSame) return
    await writeUploadRecord(this.#options.directory, table, after)
    this.#records.set(table, after)
    this.#report(table, before, after)
  }

  #report(table: TableLocation, before: UploadRecord, after: UploadRecord): void {
    const grown = waitingIn(table, after).length - waitingIn(table, before).length
    if (grown !== 0) this.#options.observer.uploadsWait(shownTable(table), grown)
  }
}

/** A damaged file is looked at again after the longest delay. */
const MOST_FAILURES = 10

/** By day. */
function waitingIn(table: TableLocation, record: UploadRecord): WaitingFile[] {
  return [...record]
    .flatMap(([path, state]) => {
      const file = parseTablePath(path)
      return state === 'waiting' && file !== undefined ? [{ table, path, day: file.day }] : []
    })
    .sort((left, right) => (left.path < right.path ? -1 : 1))
}

/** `channel=press/__dt=2026-11-29/…`: folders that engines take for partitions. */
function objectKey(
  prefix: string | undefined,
  origin: Readonly<Record<string, string>>,
  path: string,
): string {
  const folders = Object.entries(origin).map(([name, value]) => `${name}=${value}`)
  return [...(prefix === undefined ? [] : [prefix]), ...folders, path].join('/')
}

function never(path: string): never {
  throw new RangeError(`expected the path of a Parquet file, got ${path}`)
}
