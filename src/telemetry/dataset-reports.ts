/** What is reported about the contents of datasets, as log lines and metrics. */
import type { ConnectorError } from '../errors.ts'
import type { ContentFigures } from '../observer.ts'
import { errorFields, warning } from './log-lines.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { RepeatLimiter } from './repeat-limiter.ts'

export class DatasetReports {
  readonly #logger: Logger
  readonly #metrics: Metrics
  readonly #limiter: RepeatLimiter

  constructor(logger: Logger, metrics: Metrics, limiter: RepeatLimiter) {
    this.#logger = logger
    this.#metrics = metrics
    this.#limiter = limiter
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
