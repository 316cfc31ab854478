/**
 * Sends the records of one batch in passes. Records that fail are sent again in the next pass, alone
 * and in their order:
 *
 *     ┌─▶ requests ─▶ answers by position ─┬─ stored
 *     │   one after the other              ├─ refused: rejected
 *     └──── pause ◀── those that failed ───┴─ after the last pass: kept
 *
 * Within a pass, later requests have no records of a key that has failed, because they must not
 * overtake. So a key, or a shard, that is throttled does not hold up the other keys of the batch.
 */
import type { Clock } from '../../../clock.ts'
import { asConnectorError } from '../../../errors.ts'
import type { Refusal } from '../../../message.ts'
import type { BatchOutcome } from '../../destination.ts'
import { pause } from '../../http-client/wait.ts'
import { isFailure } from '../aws-caller.ts'
import { type Failure, kindOf } from '../failure.ts'
import type { RetryRules } from '../retry-rules.ts'
import { type FailedRecord, failedRecordsOf } from './record-answer.ts'
import {
  type EncodedBatch,
  type EncodedRecord,
  type RecordEncoder,
  requestsOf,
} from './record-encoder.ts'
import { errorOf } from './record-errors.ts'
import type { RecordService } from './record-service.ts'
import type { RecordsClient } from './records-client.ts'

export interface RecordRunOptions {
  readonly service: RecordService
  readonly client: Pick<RecordsClient, 'call'>
  readonly encoder: RecordEncoder
  readonly rules: RetryRules
  readonly clock: Clock
  readonly signal: AbortSignal
  /** For people: `sending a batch of 5 from channel press_1 to …`. */
  readonly doing: () => string
}

interface Put {
  readonly failed: readonly FailedRecord[]
}

export class RecordRun {
  readonly #options: RecordRunOptions
  readonly #rejected = new Map<number, Refusal>()
  /** Records without an outcome, in order. */
  readonly #open = new Set<EncodedRecord>()
  #keptReason: Refusal | undefined
  /** The service has stored or rejected a record, so the batch can't fail as a whole. */
  #hasResult = false

  constructor(options: RecordRunOptions) {
    this.#options = options
  }

  /** @throws {ConnectorError} if nothing was stored */
  async send({ records, oversized }: EncodedBatch): Promise<BatchOutcome> {
    const { service, signal, doing } = this.#options
    for (const { index, bytes } of oversized) this.#rejected.set(index, tooLarge(bytes, service))
    for (const record of records) this.#open.add(record)
    try {
      await this.#sendAll()
    } catch (thrown) {
      // A batch of which something is stored must not be sent again as a whole.
      if (!this.#hasResult)
        throw signal.aborted ? asConnectorError(thrown, 'Stopping', doing()) : thrown
      this.#noteReason(thrown)
    }
    return this.#outcome()
  }

  async #sendAll(): Promise<void> {
    const { clock, rules, signal } = this.#options
    const retries = rules.begin()
    while (this.#open.size > 0) {
      const failed = await this.#pass()
      if (this.#open.size === 0) break
      const delayMs = retries.next(failureOf(failed))
      if (delayMs === undefined) return
      await pause(delayMs, { clock, signal })
    }
    retries.succeeded()
  }

  /** Returns the records that have failed. */
  async #pass(): Promise<FailedRecord[]> {
    const blocked = new Set<string>()
    const failed: FailedRecord[] = []
    for (const request of requestsOf([...this.#open], this.#options.service)) {
      const free = blocked.size === 0 ? request : request.filter(({ key }) => !blocked.has(key))
      if (free.length === 0) continue
      const put = await this.#put(free)
      this.#settle(free, put.failed)
      failed.push(...put.failed)
      for (const { at, isForNow } of put.failed) if (isForNow) blocked.add(free[at]?.key ?? '')
    }
    return failed
  }

  async #put(records: readonly EncodedRecord[]): Promise<Put> {
    const { client, encoder, service, signal, doing } = this.#options
    const result = await client.call<Put>({
      operation: service.put,
      body: encoder.bodyOf(records),
      read: (answer) => {
        const failed = failedRecordsOf(answer, records.length, service)
        return failed === undefined ? undefined : { failed }
      },
      signal,
      doing,
    })
    if (isFailure(result)) throw errorOf(result, service, doing())
    return result
  }

  /** Notes what became of the records of a request. */
  #settle(records: readonly EncodedRecord[], failed: readonly FailedRecord[]): void {
    const again = new Set<EncodedRecord>()
    for (const { at, refusal, isForNow } of failed) {
      const record = records[at]
      if (record === undefined) continue
      if (isForNow) {
        again.add(record)
        this.#keptReason = refusal
      } else {
        this.#rejected.set(record.index, refusal)
      }
    }
    if (again.size < records.length) this.#hasResult = true
    for (const record of records) if (!again.has(record)) this.#open.delete(record)
  }

  #noteReason(thrown: unknown): void {
    const { code, message } = asConnectorError(
      thrown,
      'DestinationUnavailable',
      this.#options.doing(),
    )
    this.#keptReason = { error: code, message }
  }

  #outcome(): BatchOutcome {
    const kept = Array.from(this.#open, ({ index }) => index)
    const rejected = [...this.#rejected]
      .map(([index, refusal]) => ({ index, refusal }))
      .sort((a, b) => a.index - b.index)
    const reason = kept.length > 0 ? this.#keptReason : undefined
    return { rejected, kept, ...(reason !== undefined && { keptReason: reason }) }
  }
}

/** Why records failed, as the retry rules take it: throttling if any of them was throttled. */
function failureOf(failed: readonly FailedRecord[]): Failure {
  const kinds = failed.map(({ refusal }) =>
    kindOf({ status: 500, name: refusal.error, skewMs: undefined, isHtml: false }),
  )
  return {
    kind: kinds.includes('throttling') ? 'throttling' : 'transient',
    name: undefined,
    message: '',
    retryAfterMs: undefined,
    skewMs: undefined,
  }
}

function tooLarge(bytes: number, { label, maxRecordBytes }: RecordService): Refusal {
  return {
    error: 'ContentRefused',
    message: `The record of this message has ${bytes} bytes, but ${label} takes at most ${maxRecordBytes}.`,
  }
}
