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
  CountedDurations,
  CutTail,
  Notice,
  Outage,
  PipelineObserver,
  RefusedClient,
} from '../observer.ts'
import { cut } from '../shown-text.ts'
import { AnalyticsReports } from './analytics-reports.ts'
import { errorFields, warning } from './log/log-lines.ts'
import type { Logger } from './log/logger.ts'
import { kindOf, type LogLine, RepeatLimiter } from './log/repeat-limiter.ts'
import type { Metrics } from './metrics/metrics.ts'

/** How long repeats of a line are counted before the count is logged. */
export const REPEAT_INTERVAL_MS = 60_000
const MAX_KINDS_OF_LINES = 1000
const MAX_ID = 128

export interface TelemetryObserverOptions {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}

export class TelemetryObserver extends AnalyticsReports implements PipelineObserver {
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #limiter: RepeatLimiter

  constructor({ logger, metrics, clock }: TelemetryObserverOptions) {
    const limiter = new RepeatLimiter({
      clock,
      intervalMs: REPEAT_INTERVAL_MS,
      maxKeys: MAX_KINDS_OF_LINES,
      write: (line, repeats) => write(logger, line, repeats),
    })
    super(logger, metrics, limiter)
    this.#logger = logger
    this.#metrics = metrics
    this.#limiter = limiter
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

  acknowledged(source: string, waited: CountedDurations): void {
    this.#metrics.addCounted('puback_seconds', { source }, waited)
  }

  messagesDelivered(destination: string, ages: CountedDurations): void {
    this.#metrics.addCounted('end_to_end_seconds', { destination }, ages)
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

  spansDropped(count: number, reason: string): void {
    this.#metrics.add('spans_dropped_total', {}, count)
    const key = `spans ${kindOf(reason)}`
    if (this.#limiter.isRepeat(key)) return
    this.#limiter.say(key, warning('spans_dropped', 'spans not sent', { count, reason }))
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
}

function write(logger: Logger, { level, message, fields }: LogLine, repeats: number): void {
  logger[level](repeats === 0 ? fields : { ...fields, repeated: repeats }, message)
}
