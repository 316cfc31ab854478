/**
 * Stores messages as objects in Amazon S3 or an S3-compatible service.
 *
 *     messages ─▶ encoder ─▶ spool file ─▶ PUT, once under a name of its own
 *
 * The name of an object follows from the boundaries of its batch, which are stored before the first
 * attempt. So a batch that is sent again after a crash finds itself at the destination.
 */
import { setMaxListeners } from 'node:events'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { batchRuleOf } from '../batch-rule.ts'
import type { Batch, BatchOutcome, BatchRule, Spool, SpoolingDestination } from '../destination.ts'
import { ALL_ACCEPTED } from '../destination.ts'
import {
  type DestinationReports,
  type DestinationSettings,
  NO_REPORTS,
} from '../destination-settings.ts'
import { RowWriter } from '../rows/row-writer.ts'
import { GzipLines } from './files/gzip-lines.ts'
import type { ByteSink, ObjectEncoder } from './files/object-encoder.ts'
import { ParquetRows } from './files/parquet-rows.ts'
import { removeSpoolFiles, SpoolFile } from './files/spool-file.ts'
import { SpoolRoom } from './files/spool-room.ts'
import { abortUpload } from './multipart-upload.ts'
import { headersOf, mayIgnoreConditions } from './object-headers.ts'
import type { S3Options } from './options.ts'
import { S3Client } from './s3-client.ts'
import { S3Spool } from './s3-spool.ts'
import { Uploader } from './uploader.ts'
import { childText, parseXml } from './xml.ts'

const MIB = 1024 * 1024
const BATCH_LIMITS = {
  defaults: { messages: 10_000_000, bytes: 64 * MIB, intervalMs: 300_000 },
  most: { messages: 10_000_000, bytes: 1024 * MIB },
  isPlanned: true,
} as const

export interface S3Settings extends DestinationSettings<S3Options> {
  /** From this size on, objects are sent in parts. Default: 64 MiB. */
  readonly multipartBytes?: number
  readonly partBytes?: number
}

export class S3Destination implements SpoolingDestination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #settings: S3Settings
  readonly #client: S3Client
  readonly #uploader: Uploader
  readonly #rows: RowWriter
  readonly #reports: DestinationReports
  readonly #room: SpoolRoom
  readonly #spools = new Set<Spool>()
  #isOpen = false
  #spoolCount = 0

  constructor(settings: S3Settings) {
    const { name, options, place, batch, connectorId } = settings
    this.name = name
    this.#settings = settings
    this.batchRule = batchRuleOf(batch, place, BATCH_LIMITS)
    this.#client = new S3Client(settings)
    this.#reports = settings.reports ?? NO_REPORTS
    this.#room = new SpoolRoom({
      directory: settings.spoolDirectory,
      maxBytes: options.spoolBytes,
      onGrown: (bytes) => this.#reports.spoolGrew(bytes),
    })
    this.#rows = new RowWriter(connectorId)
    this.#uploader = new Uploader({
      client: this.#client,
      headers: headersOf(options),
      asksFirst: mayIgnoreConditions(options),
      ...(settings.multipartBytes !== undefined && { multipartBytes: settings.multipartBytes }),
      ...(settings.partBytes !== undefined && { partBytes: settings.partBytes }),
    })
    const folder = options.prefix === undefined ? '' : `/${options.prefix}`
    this.description = `${options.format} objects in s3://${options.bucket}${folder} at ${this.#client.origin}`
  }

  async open(): Promise<void> {
    const { spoolDirectory } = this.#settings
    await this.#client.open()
    if (this.#isOpen) return
    await removeSpoolFiles(spoolDirectory)
    this.#isOpen = true
    const detail = await this.#room.shortage()
    if (detail !== undefined) this.#reports.noticed('', { code: 'SpoolRoom', count: 1, detail })
  }

  async spool(channel: string, logId: string): Promise<Spool> {
    const { options, connectorId, spoolDirectory } = this.#settings
    const number = this.#spoolCount++
    const name = `${channel}-${logId}-${number}`
    const file = await SpoolFile.create(spoolDirectory, name, this.#room)
    const isParquet = options.format === 'parquet'
    const spool: Spool = new S3Spool({
      prefix: options.prefix ?? '',
      connectorId,
      channel,
      logId,
      ending: isParquet ? 'parquet' : 'jsonl.gz',
      contentType: isParquet ? 'application/vnd.apache.parquet' : 'application/gzip',
      file,
      encoder: this.#encoder({ channel, logId }, file),
      uploader: this.#uploader,
      room: this.#room,
      onNotice: (notice) => this.#reports.noticed(channel, notice),
      onDiscard: () => this.#spools.delete(spool),
    })
    this.#spools.add(spool)
    return spool
  }

  /** A batch from memory: one object for each day that its messages arrived on. */
  async send({ channel, logId, messages }: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    setMaxListeners(0, signal)
    let first = 0
    while (first < messages.length) {
      if (signal.aborted) throw new ConnectorError('Stopping', 'storing objects: it was cancelled')
      const spool = await this.spool(channel, logId)
      try {
        let end = first
        for (let next = messages[end]; next !== undefined && spool.take(next); ) {
          next = messages[++end]
        }
        const from = messages[first]?.offset ?? 0
        const to = (messages[end - 1]?.offset ?? 0) + 1
        await spool.send({ from, to }, signal)
        first = end
      } catch (error) {
        if (first === 0) throw error
        return keptFrom(first, messages.length, error)
      } finally {
        await spool.discard()
      }
    }
    return ALL_ACCEPTED
  }

  /**
   * Begins an upload in parts and aborts it. That needs the permission to store objects, and stores
   * none.
   */
  async check(signal: AbortSignal): Promise<void> {
    const { options, connectorId } = this.#settings
    const { bucket, prefix } = options
    const key = `${prefix === undefined ? '' : `${prefix}/`}_check-${connectorId}`
    const doing = `checking whether objects can be stored in the bucket ${bucket}`
    const headers = headersOf(options)
    const call = { doing, method: 'POST', key, query: { uploads: '' }, headers } as const
    const { answer } = await this.#client.call(call, signal)
    const id = childText(parseXml(answer?.body ?? ''), 'UploadId')
    if (id === undefined) {
      const text = `${doing}: ${this.#client.origin} does not answer as S3 does. Check "endpoint"`
      throw new ConnectorError('DestinationUnavailable', text)
    }
    await abortUpload(this.#client, key, id, signal)
  }

  async close(): Promise<void> {
    await this.#client.close()
    for (const spool of [...this.#spools]) await spool.discard()
  }

  #encoder(origin: { channel: string; logId: string }, sink: ByteSink): ObjectEncoder {
    const { options, connectorId } = this.#settings
    const { compression: codec, compressionLevel: level, columns } = options
    if (options.format === 'jsonl') return new GzipLines({ rows: this.#rows, origin, level, sink })
    return new ParquetRows({ connectorId, origin, columns, codec, level, sink })
  }
}

function keptFrom(first: number, count: number, thrown: unknown): BatchOutcome {
  const error = asConnectorError(thrown, 'DestinationUnavailable', 'storing objects')
  return {
    rejected: [],
    kept: Array.from({ length: count - first }, (_, index) => first + index),
    keptReason: { error: error.code, message: error.message },
  }
}
