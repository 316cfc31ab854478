/** A destination that puts a record for each message into one target. */
import { ConnectorError } from '../../../errors.ts'
import { batchRuleOf } from '../../batch-rule.ts'
import type { Batch, BatchOutcome, BatchRule, Destination } from '../../destination.ts'
import type { DestinationSettings } from '../../destination-settings.ts'
import { isFailure } from '../aws-caller.ts'
import { RetryRules } from '../retry-rules.ts'
import { targetStatusIn } from './record-answer.ts'
import { type KeyOf, RecordEncoder } from './record-encoder.ts'
import { errorOf, isPermissionMissing } from './record-errors.ts'
import { RecordRun } from './record-run.ts'
import { BATCH_DEFAULTS, MOST, type RecordFormat, type RecordService } from './record-service.ts'
import { RecordsClient, type RecordsOptions } from './records-client.ts'

/** Encoders kept for later; each holds buffers of about the size of a request. */
const MAX_ENCODERS = 4
/** States in which a target takes no records. */
const NOT_READY: ReadonlySet<string> = new Set(['CREATING', 'CREATING_FAILED', 'DELETING'])

export interface RecordsSettings {
  readonly settings: DestinationSettings<RecordsOptions>
  readonly service: RecordService
  readonly format: RecordFormat
  readonly keyOf?: KeyOf
}

export class RecordsDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #given: RecordsSettings
  readonly #client: RecordsClient
  readonly #rules: RetryRules
  /** A channel's `send` takes one, so that channels can be sent at the same time. */
  readonly #encoders: RecordEncoder[] = []

  constructor(given: RecordsSettings) {
    const { settings, service } = given
    const { name, place, options, batch, random } = settings
    this.name = name
    this.#given = given
    this.#client = new RecordsClient(service, settings)
    this.#rules = new RetryRules(options.maxAttempts, random)
    this.description = `records to ${service.target} at ${this.#client.origin} (${this.#client.region})`
    this.batchRule = batchRuleOf(batch, place, {
      defaults: BATCH_DEFAULTS,
      most: MOST,
    })
  }

  async open(): Promise<void> {
    await this.#client.open()
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    const { service, format, keyOf, settings } = this.#given
    const encoder =
      this.#encoders.pop() ?? new RecordEncoder(service, format, settings.connectorId, keyOf)
    try {
      const run = new RecordRun({
        service,
        client: this.#client,
        encoder,
        rules: this.#rules,
        clock: settings.clock,
        signal,
        doing: () => this.#doing(batch),
      })
      return await run.send(encoder.encode(batch))
    } finally {
      encoder.clear()
      if (this.#encoders.length < MAX_ENCODERS) this.#encoders.push(encoder)
    }
  }

  /**
   * Asks for the target's description. A key that may put records but not describe the target is
   * right, so that permission is not required.
   */
  async check(signal: AbortSignal): Promise<void> {
    const { service } = this.#given
    const doing = `asking ${this.#client.origin} for ${service.target}`
    const result = await this.#client.call({
      operation: service.describe,
      body: Buffer.from(`{${service.targetJson}}`),
      read: (answer) => {
        const status = targetStatusIn(answer)
        return status === undefined ? undefined : { status }
      },
      signal,
      doing: () => doing,
    })
    if (isFailure(result)) {
      if (isPermissionMissing(result)) return
      throw errorOf(result, service, doing)
    }
    if (NOT_READY.has(result.status)) {
      const text = `${doing}: it takes no records, because its status is ${result.status}`
      throw new ConnectorError('DestinationMissing', text)
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  #doing({ channel, messages }: Batch): string {
    const { target } = this.#given.service
    return `sending a batch of ${messages.length} from channel ${channel} to ${target} at ${this.#client.origin}`
  }
}
