/** What is reported about stored data: tables, their uploads, pipelines, datastores and datasets. */
import type { ConnectorError } from '../errors.ts'
import type {
  ContentFigures,
  ConvertedRows,
  PipelineFailure,
  PipelineRun,
  TableGrowth,
  TableUpload,
} from '../observer.ts'
import { cut } from '../shown-text.ts'
import { errorFields, warning } from './log/log-lines.ts'
import type { Logger } from './log/logger.ts'
import type { RepeatLimiter } from './log/repeat-limiter.ts'
import type { Metrics } from './metrics/metrics.ts'

const MAX_LOGGED_KEY = 128

export class AnalyticsReports {
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #limiter: RepeatLimiter

  constructor(logger: Logger, metrics: Metrics, limiter: RepeatLimiter) {
    this.#logger = logger
    this.#metrics = metrics
    this.#limiter = limiter
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
    const key = `pipeline log ${source} ${cut(line, MAX_LOGGED_KEY)}`
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

  contentMade(dataset: string, figures: ContentFigures): void {
    this.#metrics.add('dataset_contents_total', { dataset })
    this.#metrics.add('dataset_bytes_total', { dataset }, figures.bytes)
    if (!this.#logger.isLevelEnabled('debug')) return
    this.#logger.debug({ event: 'dataset_contents', dataset, ...figures }, 'content made')
  }

  contentFailed(dataset: string, error: ConnectorError): void {
    this.#metrics.add('dataset_failures_total', { dataset, code: error.code })
    const key = `dataset ${dataset} ${error.code}`
    if (this.#limiter.isRepeat(key)) return
    const fields = { dataset, ...errorFields(error) }
    this.#limiter.say(key, warning('dataset_failures', 'content can’t be made', fields))
  }

  contentDelivered(dataset: string, destination: string): void {
    this.#metrics.add('dataset_deliveries_total', { dataset, destination })
  }

  deliveryFailed(
    dataset: string,
    destination: string,
    error: ConnectorError,
    delayMs: number | undefined,
  ): void {
    const { code } = error
    this.#metrics.add('dataset_delivery_failures_total', { dataset, destination, code })
    const isLast = delayMs === undefined
    const key = `delivery ${dataset} ${destination} ${code} ${isLast}`
    if (this.#limiter.isRepeat(key)) return
    const wait = isLast ? {} : { delayMs: Math.round(delayMs) }
    const fields = { dataset, destination, ...wait, ...errorFields(error) }
    const message = isLast ? 'content is not delivered' : 'content will be delivered later'
    this.#limiter.say(key, warning('dataset_delivery_failures', message, fields))
  }
}
