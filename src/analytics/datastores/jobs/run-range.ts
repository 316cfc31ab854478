/** Runs a pipeline on a range of messages, as far as memory for the results goes. */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { OffsetRange } from '../../../channels/log/channel-log.ts'
import type { Message } from '../../../message.ts'
import type { DroppedMessages, FailedMessage, RunResult } from '../../pipelines/message-run.ts'
import type { Pipeline } from '../../pipelines/pipeline.ts'
import { type FieldSampling, SAMPLED_ROWS } from '../../tables/field-sampling.ts'
import { type ChannelRange, channelMessages } from './channel-messages.ts'
import type { DerivedRow } from './derived-rows.ts'

/** Of results and of the messages they are made of. */
const MOST_BYTES = 48_000_000
const MOST_ROWS = 150_000
/** A larger payload is not looked into. */
const LARGEST_SAMPLE_BYTES = 64 * 1024

export interface ArrivalWindow {
  /** Milliseconds since 1970. */
  readonly from?: number | undefined
  /** Not included. */
  readonly until?: number | undefined
}

export interface RangeRun {
  /** Messages below have been run. */
  readonly to: number
  readonly messages: number
  /** By offset, then by part. */
  readonly rows: readonly DerivedRow[]
  readonly dropped: number
  readonly failed: readonly FailedMessage<Message>[]
  /** Offsets whose messages were read, and arrived in the window. */
  readonly read: readonly OffsetRange[]
}

/** @throws {ConnectorError} what the pipeline throws; StorageFailed */
export async function runRange(
  connection: DuckDBConnection,
  range: ChannelRange,
  pipeline: Pipeline,
  options: { readonly signal: AbortSignal; readonly window?: ArrivalWindow },
): Promise<RangeRun> {
  const { from = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = options.window ?? {}
  const collected = new Collected()
  for await (const batch of channelMessages(connection, range)) {
    options.signal.throwIfAborted()
    const asked = batch.filter(({ receivedAt }) => receivedAt >= from && receivedAt < until)
    if (asked.length > 0) collected.add(asked, await pipeline.run(asked))
    const last = batch.at(-1)
    if (collected.isFull && last !== undefined) return collected.upTo(last.offset + 1)
  }
  return collected.upTo(range.to)
}

class Collected {
  readonly #rows: DerivedRow[] = []
  readonly #failed: FailedMessage<Message>[] = []
  readonly #read: { from: number; to: number }[] = []
  #messages = 0
  #dropped = 0
  #bytes = 0

  get isFull(): boolean {
    return this.#bytes >= MOST_BYTES || this.#rows.length >= MOST_ROWS
  }

  add(inputs: readonly Message[], { stored, dropped, failed }: RunResult<Message>): void {
    this.#messages += inputs.length
    this.#dropped += dropped.reduce((sum, { count }: DroppedMessages) => sum + count, 0)
    for (const row of stored) {
      this.#rows.push(row)
      this.#bytes += row.payload.length + row.input.payload.length
    }
    for (const one of failed) {
      this.#failed.push(one)
      this.#bytes += one.input.payload.length
    }
    for (const { offset } of inputs) {
      const last = this.#read.at(-1)
      if (last?.to === offset) last.to = offset + 1
      else this.#read.push({ from: offset, to: offset + 1 })
    }
  }

  upTo(to: number): RangeRun {
    return {
      to,
      messages: this.#messages,
      rows: this.#rows,
      dropped: this.#dropped,
      failed: this.#failed,
      read: this.#read,
    }
  }
}

/** Samples that are spread over the rows. */
export function sampleRows(sampling: FieldSampling, rows: readonly DerivedRow[]): void {
  const step = Math.max(1, rows.length / SAMPLED_ROWS)
  for (let at = 0; at < rows.length; at += step) {
    const payload = rows[Math.floor(at)]?.payload
    if (payload !== undefined && payload.length <= LARGEST_SAMPLE_BYTES) sampling.add(payload)
  }
}
