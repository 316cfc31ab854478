/**
 * Sends the records of one batch, request by request. Records that fail are sent again alone and in
 * their order, a few times. Those that still fail are kept:
 *
 *     ┌─▶ request ─▶ answer by position ─┬─ stored
 *     │                                  ├─ refused: rejected
 *     └──── pause ◀── those that failed ─┴─ after the last attempt: kept, and their keys are blocked
 *
 * Later records of a blocked key are kept too, because they must not overtake.
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
  readonly #kept = new Set<number>()
  readonly #blocked = new Set<string>()
  #keptReason: Refusal | undefined
  /** The service has stored or rejected a record, so the batch can't fail as a whole. */
  #hasResult = false

  constructor(options: RecordRunOptions) {
    this.#options = options
  }

  /** @throws {ConnectorError} if nothing was stored */
  async send({ records, oversized }: EncodedBatch): Promise<BatchOutcome> {
    const { service } = this.#options
    for (const { index, bytes } of oversized) this.#rejected.set(index, tooLarge(bytes, service))
    const requests = requestsOf(records, service)
    for (const [number, request] of requests.entries()) {
      const free = request.filter((record) => this.#isFree(record))
      if (free.length === 0) continue
      const left = await this.#sendRequest(free)
      if (left === undefined) continue
      for (const rest of [left, ...requests.slice(number + 1)]) this.#keep(rest)
      break
    }
    return this.#outcome()
  }

  /** Returns those that are left if the service can't be called any more. */
  async #sendRequest(records: readonly EncodedRecord[]): Promise<EncodedRecord[] | undefined> {
    const { clock, rules, signal } = this.#options
    const retries = rules.begin()
    let pending = [...records]
    try {
      for (;;) {
        const failed = (await this.#put(pending)).failed
        const again = this.#settle(pending, failed)
        if (again.length === 0) {
          retries.succeeded()
          return undefined
        }
        pending = again
        const delayMs = retries.next(failureOf(failed))
        if (delayMs === undefined) break
        await pause(delayMs, { clock, signal })
      }
    } catch (thrown) {
      // A batch of which something is stored must not be sent again as a whole.
      if (!this.#hasResult) {
        throw signal.aborted ? asConnectorError(thrown, 'Stopping', this.#options.doing()) : thrown
      }
      this.#noteReason(thrown)
      return pending
    }
    this.#keep(pending)
    for (const { key } of pending) this.#blocked.add(key)
    return undefined
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

  /** Notes what became of the records of a request, and returns those to be sent again. */
  #settle(records: readonly EncodedRecord[], failed: readonly FailedRecord[]): EncodedRecord[] {
    const again: EncodedRecord[] = []
    for (const { at, refusal, isForNow } of failed) {
      const record = records[at]
      if (record === undefined) continue
      if (isForNow) {
        again.push(record)
        this.#keptReason = refusal
      } else {
        this.#rejected.set(record.index, refusal)
      }
    }
    if (again.length < records.length) this.#hasResult = true
    return again
  }

  #isFree(record: EncodedRecord): boolean {
    if (!this.#blocked.has(record.key)) return true
    this.#kept.add(record.index)
    return false
  }

  #keep(records: readonly EncodedRecord[]): void {
    for (const { index } of records) this.#kept.add(index)
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
    const kept = [...this.#kept].sort((a, b) => a - b)
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
