/**
 * Sends the batches of one channel to a destination that spools them:
 *
 *     lease ─▶ spool ─▶ plan is stored ─▶ sent ─▶ settled, spool removed
 *                 ▲                        │
 *                 └──── kept: sent again ◀─┘ failed
 *
 * After a crash the spool is made again from the stored plan.
 */
import type { Channel } from '../../channels/channel.ts'
import type { BulkLease, BulkLimits, MessageSink } from '../../channels/cursors/bulk-leases.ts'
import type { Cursor } from '../../channels/cursors/cursor.ts'
import type { Clock } from '../../clock.ts'
import {
  ALL_ACCEPTED,
  type Spool,
  type SpoolingDestination,
} from '../../destinations/destination.ts'
import { asConnectorError, type ConnectorError } from '../../errors.ts'
import type { Message } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { BatchReceipts } from '../receipts/batch-receipts.ts'
import type { AnswerRecord } from './answer-record.ts'
import type { AttemptTrail } from './attempt-trail.ts'
import type { FieldSelection } from './field-selection.ts'

export interface SpooledBatchesOptions {
  readonly channel: Channel
  readonly cursor: Cursor
  readonly destination: SpoolingDestination
  /** Undefined: payloads stay whole. */
  readonly fields: FieldSelection | undefined
  readonly answers: AnswerRecord
  readonly trail: AttemptTrail
  readonly receipts: BatchReceipts
  readonly observer: PipelineObserver
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** What a batch was made of, and why it was kept if it was. */
export interface SpooledOutcome {
  readonly messages: number
  readonly bytes: number
  readonly failure: ConnectorError | undefined
}

interface SpooledBatch {
  readonly spool: Spool
  readonly lease: BulkLease
}

/** How much is read at once for receipts. */
const READ_MESSAGES = 1_000
const READ_BYTES = 1024 * 1024

export class SpooledBatches {
  readonly #options: SpooledBatchesOptions
  /** Its sending failed. */
  #kept: SpooledBatch | undefined

  constructor(options: SpooledBatchesOptions) {
    this.#options = options
  }

  /**
   * Sends the batch that was kept, or a new one. Undefined if nothing waits.
   * @throws {ConnectorError} if no batch could be made
   */
  async sendNext(
    limits: BulkLimits,
    selects: ((message: Message) => boolean) | undefined,
  ): Promise<SpooledOutcome | undefined> {
    const { answers, clock } = this.#options
    const batch = await this.#next(limits, selects)
    if (batch === undefined) return undefined
    const { count, bytes } = batch.lease
    const at = clock.now()
    const startedAt = clock.monotonic()
    const number = answers.began(startedAt)
    let failure: ConnectorError | undefined
    try {
      await this.#send(batch)
      answers.answered(clock.now(), count, 0)
    } catch (error) {
      failure = asConnectorError(error, 'DestinationUnavailable', this.#doing)
    } finally {
      answers.ended(number)
    }
    this.#note(batch, failure, { at, durationMs: clock.monotonic() - startedAt })
    await this.#settle(batch, failure)
    return { messages: count, bytes, failure }
  }

  /** Removes the files of what is kept; the messages stay in the log. */
  async close(): Promise<void> {
    const kept = this.#kept
    this.#kept = undefined
    await kept?.spool.discard()
  }

  async #next(
    limits: BulkLimits,
    selects: ((message: Message) => boolean) | undefined,
  ): Promise<SpooledBatch | undefined> {
    const { channel, cursor, destination, fields } = this.#options
    const kept = this.#kept
    this.#kept = undefined
    if (kept !== undefined) {
      cursor.bulk.leaseAgain(kept.lease)
      return kept
    }
    const spool = await destination.spool(channel.name, channel.log.id)
    const sink = fields === undefined ? spool : sinkOf(spool, fields)
    const lease = await cursor.bulk.lease(sink, limits, selects).catch(async (error: unknown) => {
      await spool.discard()
      throw error
    })
    if (lease !== undefined) return { spool, lease }
    await spool.discard()
    return undefined
  }

  async #send({ spool, lease }: SpooledBatch): Promise<void> {
    await this.#options.channel.storeState()
    await spool.send(lease, this.#options.signal)
  }

  async #settle(batch: SpooledBatch, failure: ConnectorError | undefined): Promise<void> {
    const { cursor } = this.#options
    if (failure !== undefined) {
      this.#kept = batch
      cursor.bulk.settle(batch.lease, false)
      return
    }
    if (this.#options.receipts.isListening) await this.#giveReceipts(batch.lease)
    cursor.bulk.settle(batch.lease, true)
    await batch.spool.discard()
  }

  #note(
    { lease }: SpooledBatch,
    failure: ConnectorError | undefined,
    when: { readonly at: number; readonly durationMs: number },
  ): void {
    const { channel, destination, trail, observer } = this.#options
    const end =
      failure === undefined ? ALL_ACCEPTED : { error: failure.code, message: failure.message }
    for (const { from, to } of lease.ranges) {
      trail.noteRange({ channel: channel.name, from, to, ...when, end })
    }
    if (failure !== undefined) return
    observer.batchSent(channel.name, destination.name, lease.count, when.durationMs)
  }

  /** A log that can't be read now costs receipts, which a crash would cost as well. */
  async #giveReceipts({ ranges }: BulkLease): Promise<void> {
    const { channel, receipts } = this.#options
    for (const { from, to } of ranges) {
      for (let next = from; next < to; ) {
        const count = Math.min(to - next, READ_MESSAGES)
        const messages = await channel.log.read(next, count, READ_BYTES).catch(() => [])
        const run = messages.filter(({ offset }) => offset < to)
        const last = run.at(-1)
        if (last === undefined) break
        receipts.settled(run, ALL_ACCEPTED, true)
        next = last.offset + 1
      }
    }
  }

  get #doing(): string {
    return `sending to ${this.#options.destination.name}`
  }
}

function sinkOf(spool: Spool, fields: FieldSelection): MessageSink {
  return {
    take: (message) => spool.take(fields.apply(message)),
    flush: () => spool.flush(),
  }
}
