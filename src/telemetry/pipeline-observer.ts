/**
 * Turns each report of the pipeline into a log line *and* a metric. A line's `event` is the
 * metric's name without prefix and `_total`, so that a graph leads to its lines and back.
 *
 * Reports of normal operation (commits, batches, clients that connect and disconnect) are logged at
 * `debug`. Reports that can repeat while a problem lasts are logged once per interval, with a count.
 * A report's key is its kind, never the text of a client. Texts are cut, and there is a bound of
 * lines a second for each event and for all.
 */
import type { Clock } from '../clock.ts'
import type { ConnectorError } from '../errors.ts'
import type {
  ConvertedRows,
  CutTail,
  Notice,
  Outage,
  PipelineFailure,
  PipelineObserver,
  PipelineRun,
  RefusedClient,
  TableGrowth,
  TableUpload,
} from '../observer.ts'
import { cut } from '../shown-text.ts'
import { DatasetReports } from './dataset-reports.ts'
import { errorFields, warning } from './log-lines.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { kindOf, type LogLine, RepeatLimiter } from './repeat-limiter.ts'

/** How long repeats of a line are counted before the count is logged. */
export const REPEAT_INTERVAL_MS = 60_000
const MAX_KINDS_OF_LINES = 1000
const MAX_ID = 128

export interface TelemetryObserverOptions {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}

export class TelemetryObserver implements PipelineObserver {
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #limiter: RepeatLimiter
  readonly #datasets: DatasetReports

  constructor({ logger, metrics, clock }: TelemetryObserverOptions) {
    this.#logger = logger
    this.#metrics = metrics
    this.#limiter = new RepeatLimiter({
      clock,
      intervalMs: REPEAT_INTERVAL_MS,
      maxKeys: MAX_KINDS_OF_LINES,
      write: (line, repeats) => this.#write(line, repeats),
    })
    this.#datasets = new DatasetReports(logger, metrics, this.#limiter)
  }

  /** Logs the counts of repeats that are held back. */
  close(): void {
    this.#limiter.close()
  }

  messageDropped(channel: string | undefined, code: string, detail: string): void {
    this.#metrics.add('drops_total', { channel: channel ?? '', code })
    const key = `drops ${channel} ${code}`
    if (this.#limiter.isRepeat(key)) return
    this.#limiter.say(key, warning('drops', 'message dropped', { channel, code, detail }))
  }

  messageWithheld(source: string, code: string, detail: string): void {
    this.#metrics.add('withheld_total', { source, code })
    const key = `withheld ${source} ${code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { source, code, detail }
    this.#limiter.say(
      key,
      warning('withheld', 'message not accepted yet, its sender waits', fields),
    )
  }

  committed(messages: number, bytes: number, durationMs: number): void {
    this.#metrics.observe('commit_seconds', {}, durationMs / 1000)
    this.#metrics.add('commit_messages_total', {}, messages)
    this.#metrics.add('commit_bytes_total', {}, bytes)
    if (!this.#logger.isLevelEnabled('debug')) return
    this.#logger.debug({ event: 'commit_messages', messages, bytes, durationMs }, 'committed')
  }

  storageFailed(channel: string, error: ConnectorError): void {
    this.#metrics.add('storage_failures_total', { channel })
    const key = `storage ${channel} ${error.code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { event: 'storage_failures', channel, ...errorFields(error) }
    this.#limiter.say(key, { level: 'error', message: 'storing failed', fields })
  }

  storageRecovered(channel: string): void {
    this.#metrics.add('storage_recoveries_total', {})
    this.#recovery('storage_recoveries', 'storage works again', { channel })
  }

  damageFound(channel: string, what: string): void {
    this.#metrics.add('damage_found_total', { channel })
    const key = `damage ${channel}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { event: 'damage_found', channel, what }
    this.#limiter.say(key, { level: 'error', message: 'damage found and set aside', fields })
  }

  tailCut(channel: string, { bytes, messages, lastMessageAt }: CutTail): void {
    this.#metrics.add('tails_cut_total', { channel })
    this.#metrics.add('tail_cut_bytes_total', { channel }, bytes)
    const key = `tail ${channel}`
    if (this.#limiter.isRepeat(key)) return
    const since = lastMessageAt === undefined ? undefined : new Date(lastMessageAt).toISOString()
    const fields = { channel, bytes, messages, since }
    this.#limiter.say(key, warning('tails_cut', 'unfinished write removed', fields))
  }

  batchSent(channel: string, destination: string, messages: number, durationMs: number): void {
    this.#metrics.add('batches_sent_total', { channel, destination })
    this.#metrics.add('batch_messages_total', { channel, destination }, messages)
    this.#metrics.observe('batch_seconds', { destination }, durationMs / 1000)
    if (!this.#logger.isLevelEnabled('debug')) return
    const fields = { event: 'batches_sent', channel, destination, messages, durationMs }
    this.#logger.debug(fields, 'batch sent')
  }

  batchRetried(channel: string, destination: string, error: ConnectorError, delayMs: number): void {
    this.#metrics.add('batches_retried_total', { channel, destination, code: error.code })
    const key = `retry ${channel} ${destination} ${error.code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { channel, destination, delayMs: Math.round(delayMs), ...errorFields(error) }
    this.#limiter.say(key, warning('batches_retried', 'batch will be sent again', fields))
  }

  messagesRejected(channel: string, destination: string, count: number, error: string): void {
    this.#metrics.add('rejections_total', { channel, destination, code: error }, count)
    const key = `rejections ${channel} ${destination} ${kindOf(error)}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { channel, destination, count, code: error }
    this.#limiter.say(key, warning('rejections', 'destination rejected messages', fields))
  }

  deadLetterLost(channel: string, why: string): void {
    this.#metrics.add('dead_letters_lost_total', { channel })
    const key = `dead letter ${channel} ${why}`
    if (this.#limiter.isRepeat(key)) return
    this.#limiter.say(key, warning('dead_letters_lost', 'dead letter lost', { channel, why }))
  }

  destinationNoticed(channel: string, destination: string, notice: Notice): void {
    const { code, count, detail } = notice
    this.#metrics.add('destination_notices_total', { channel, destination, code }, count)
    const key = `notice ${channel} ${destination} ${code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { channel, destination, code, count, detail }
    this.#limiter.say(key, warning('destination_notices', 'destination has a finding', fields))
  }

  spoolGrew(destination: string, bytes: number): void {
    this.#metrics.move('spool_bytes', { destination }, bytes)
  }

  destinationRecovered(channel: string, destination: string, outage: Outage): void {
    this.#metrics.add('destination_recoveries_total', { channel, destination })
    const fields = { channel, destination }
    this.#recovery('destination_recoveries', 'destination works again', fields, outage)
  }

  clientConnected(source: string, clientId: string): void {
    this.#metrics.add('clients_connected_total', { source })
    this.#metrics.move('clients', { source }, 1)
    if (!this.#logger.isLevelEnabled('debug')) return
    this.#logger.debug(
      { event: 'clients_connected', source, clientId: cut(clientId, MAX_ID) },
      'client connected',
    )
  }

  clientDisconnected(source: string, clientId: string, reason: string): void {
    this.#metrics.add('clients_disconnected_total', { source })
    this.#metrics.move('clients', { source }, -1)
    if (!this.#logger.isLevelEnabled('debug')) return
    const fields = {
      event: 'clients_disconnected',
      source,
      clientId: cut(clientId, MAX_ID),
      reason,
    }
    this.#logger.debug(fields, 'client disconnected')
  }

  clientSentAway(source: string, clientId: string, code: string, detail: string): void {
    this.#metrics.add('clients_sent_away_total', { source, code })
    const key = `sent away ${source} ${code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { source, clientId, code, detail }
    const message = 'client disconnected, it keeps messages that can’t be stored'
    this.#limiter.say(key, warning('clients_sent_away', message, fields))
  }

  clientRefused(source: string, remote: string, reason: string, client?: RefusedClient): void {
    this.#metrics.add('clients_refused_total', { source })
    const key = `refused ${source} ${kindOf(reason)}`
    if (this.#limiter.isRepeat(key)) return
    const fields = {
      source,
      remote,
      reason,
      clientId: client && cut(client.clientId, MAX_ID),
      user: client?.userName && cut(client.userName, MAX_ID),
    }
    this.#limiter.say(key, warning('clients_refused', 'client refused', fields))
  }

  sourceRetried(source: string, error: ConnectorError, delayMs: number): void {
    this.#metrics.add('source_retries_total', { source, code: error.code })
    const key = `source ${source} ${error.code} ${kindOf(error.message)}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { source, delayMs: Math.round(delayMs), ...errorFields(error) }
    this.#limiter.say(key, warning('source_retries', 'source will try again', fields))
  }

  sourceRecovered(source: string): void {
    this.#metrics.add('source_recoveries_total', { source })
    this.#recovery('source_recoveries', 'source works again', { source })
  }

  filesReloaded(source: string, error: ConnectorError | undefined): void {
    this.#metrics.add('file_reloads_total', { source, code: error?.code ?? '' })
    const fields = { event: 'file_reloads', source }
    if (error === undefined) this.#logger.info(fields, 'certificates, users and rules read again')
    else
      this.#logger.error(
        { ...fields, ...errorFields(error) },
        'files are invalid, the old ones stay in use',
      )
  }

  settingsInsecure(part: string, detail: string): void {
    this.#metrics.add('insecure_settings_total', { part })
    this.#logger.warn({ event: 'insecure_settings', part, detail }, 'settings are not safe')
  }

  receiptsDropped(source: string, count: number): void {
    this.#metrics.add('receipts_dropped_total', { source }, count)
    const key = `receipts ${source}`
    if (this.#limiter.isRepeat(key)) return
    this.#limiter.say(key, warning('receipts_dropped', 'receipts dropped', { source, count }))
  }

  rowsConverted(channel: string, converted: ConvertedRows): void {
    const { rows, drifted, gapRows } = converted
    this.#metrics.add('table_rows_total', { channel }, rows)
    this.#metrics.add('table_drift_total', { channel }, drifted)
    if (this.#logger.isLevelEnabled('debug')) {
      this.#logger.debug({ event: 'table_rows', channel, ...converted }, 'rows converted')
    }
    if (gapRows === 0) return
    this.#metrics.add('table_gap_rows_total', { channel }, gapRows)
    const key = `table gap ${channel}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { channel, rows: gapRows }
    const message = 'messages were removed before they were converted'
    this.#limiter.say(key, warning('table_gap_rows', message, fields))
  }

  conversionFailed(channel: string, error: ConnectorError, delayMs: number): void {
    this.#metrics.add('table_failures_total', { channel, code: error.code })
    const key = `table ${channel} ${error.code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { channel, delayMs: Math.round(delayMs), ...errorFields(error) }
    this.#limiter.say(key, warning('table_failures', 'conversion will be tried again', fields))
  }

  tableUploaded(channel: string, upload: TableUpload): void {
    this.#metrics.add('table_uploads_total', { channel })
    this.#metrics.add('table_upload_bytes_total', { channel }, upload.bytes)
    if (!this.#logger.isLevelEnabled('debug')) return
    this.#logger.debug({ event: 'table_uploads', channel, ...upload }, 'file uploaded')
  }

  uploadFailed(channel: string, error: ConnectorError, delayMs: number): void {
    this.#metrics.add('table_upload_failures_total', { channel, code: error.code })
    const key = `table upload ${channel} ${error.code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { channel, delayMs: Math.round(delayMs), ...errorFields(error) }
    const message = 'the upload of a file will be tried again'
    this.#limiter.say(key, warning('table_upload_failures', message, fields))
  }

  uploadsWait(channel: string, files: number): void {
    this.#metrics.move('table_waiting_uploads', { channel }, files)
  }

  uploadsLost(channel: string, files: number): void {
    this.#metrics.add('table_uploads_lost_total', { channel }, files)
    const message = 'files were removed before they were uploaded'
    this.#logger.warn({ event: 'table_uploads_lost', channel, files }, message)
  }

  pipelineLogged(source: string, line: string): void {
    this.#metrics.add('pipeline_log_lines_total', { source })
    const key = `pipeline log ${source} ${cut(line, MAX_ID)}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { event: 'pipeline_log_lines', source, line }
    this.#limiter.say(key, { level: 'info', message: 'a pipeline says', fields })
  }

  pipelineFailed(pipeline: string, failure: PipelineFailure): void {
    const { activity, lambdaName, count, reason } = failure
    this.#metrics.add('pipeline_failures_total', { pipeline }, count)
    const key = `pipeline failure ${pipeline} ${activity}`
    if (this.#limiter.isRepeat(key)) return
    // As AWS's notification of the same name.
    const code = lambdaName === undefined ? {} : { code: 'LAMBDA_FAILURE', lambdaName }
    const fields = { pipeline, activity, count, ...code, error: reason }
    const message = 'messages could not be processed, and are kept'
    this.#limiter.say(key, warning('pipeline_failures', message, fields))
  }

  pipelineRan(pipeline: string, run: PipelineRun): void {
    const { messages, rows, dropped, gap, drifted } = run
    this.#metrics.add('pipeline_messages_total', { pipeline }, messages)
    this.#metrics.add('pipeline_rows_total', { pipeline }, rows)
    this.#metrics.add('pipeline_dropped_total', { pipeline }, dropped)
    this.#metrics.add('pipeline_drift_total', { pipeline }, drifted)
    if (this.#logger.isLevelEnabled('debug')) {
      this.#logger.debug({ event: 'pipeline_messages', pipeline, ...run }, 'messages processed')
    }
    if (gap === 0) return
    this.#metrics.add('pipeline_gap_total', { pipeline }, gap)
    const key = `pipeline gap ${pipeline}`
    if (this.#limiter.isRepeat(key)) return
    const message = 'messages were removed before the pipeline came to them'
    this.#limiter.say(key, warning('pipeline_gap', message, { pipeline, messages: gap }))
  }

  pipelineDelayed(pipeline: string, error: ConnectorError, delayMs: number): void {
    this.#metrics.add('pipeline_delays_total', { pipeline, code: error.code })
    const key = `pipeline delay ${pipeline} ${error.code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { pipeline, delayMs: Math.round(delayMs), ...errorFields(error) }
    this.#limiter.say(key, warning('pipeline_delays', 'the pipeline will be tried again', fields))
  }

  pipelineWaits(pipeline: string, messages: number): void {
    this.#metrics.move('pipeline_waiting_messages', { pipeline }, messages)
  }

  datastoreGrew(datastore: string, { files, bytes }: Pick<TableGrowth, 'files' | 'bytes'>): void {
    this.#metrics.move('datastore_files', { datastore }, files)
    this.#metrics.move('datastore_bytes', { datastore }, bytes)
  }

  rowsLeftOut(
    channel: string,
    { from, to }: { readonly from: number; readonly to: number },
    error: ConnectorError,
  ): void {
    this.#metrics.add('table_rows_left_out_total', { channel }, to - from)
    this.#metrics.add('table_gap_rows_total', { channel }, to - from)
    const fields = { channel, from, to, ...errorFields(error) }
    const message = 'messages could not be converted, and are in no table'
    this.#limiter.say(`table left out ${channel}`, warning('table_rows_left_out', message, fields))
  }

  tablesGrew(channel: string, { files, bytes, waitingRows }: TableGrowth): void {
    this.#metrics.move('table_files', { channel }, files)
    this.#metrics.move('table_bytes', { channel }, bytes)
    this.#metrics.move('table_waiting_rows', { channel }, waitingRows)
  }

  contentMade(...report: Parameters<PipelineObserver['contentMade']>): void {
    this.#datasets.contentMade(...report)
  }

  contentFailed(...report: Parameters<PipelineObserver['contentFailed']>): void {
    this.#datasets.contentFailed(...report)
  }

  contentDelivered(...report: Parameters<PipelineObserver['contentDelivered']>): void {
    this.#datasets.contentDelivered(...report)
  }

  deliveryFailed(...report: Parameters<PipelineObserver['deliveryFailed']>): void {
    this.#datasets.deliveryFailed(...report)
  }

  /** A problem that comes and goes recovers as often, so recoveries are limited as well. */
  #recovery(
    event: string,
    message: string,
    about: Readonly<Record<string, string>>,
    details: object = {},
  ): void {
    const key = [event, ...Object.values(about)].join(' ')
    if (this.#limiter.isRepeat(key)) return
    this.#limiter.say(key, { level: 'info', message, fields: { event, ...about, ...details } })
  }

  #write({ level, message, fields }: LogLine, repeats: number): void {
    const line = repeats === 0 ? fields : { ...fields, repeated: repeats }
    this.#logger[level](line, message)
  }
}
