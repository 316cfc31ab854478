/** Offers the messages of one batch to the intake, in order, and notes what became of each. */

import type { ExceptionName } from '../../aws-server/service-answer.ts'
import { type Origin, topicOfChannel } from '../../chain/origin.ts'
import { MAX_PAYLOAD_BYTES, type Refusal } from '../../message.ts'
import type { ChannelIntake, Outcome } from '../source.ts'
import type { ErrorEntry } from './batch-answer.ts'
import type { BatchRequest, DecodedPayloads } from './batch-request.ts'
import type { OriginStream } from './origin-stream.ts'

/** Limits that have room again when messages have been delivered. */
const THROTTLED = new Set(['QueueFull', 'MemoryFull', 'StorageFull', 'ActiveChannelLimit'])

export interface BatchRoundOptions {
  readonly intake: ChannelIntake
  readonly batch: BatchRequest
  readonly payloads: DecodedPayloads
  /** Empty: all have the topic that stands for the channel. */
  readonly topics: readonly string[]
  /** Undefined if the sender says no origin. */
  readonly stream: OriginStream | undefined
  readonly origin: Origin | undefined
}

export class BatchRound {
  /** The messages that are not stored. */
  readonly entries: ErrorEntry[] = []
  /** The messages that are accepted now, with their offsets at the sender. */
  readonly accepted: { readonly offset: number }[] = []
  /** Why a message could not be taken now. None after it is taken, to keep the order. */
  withheld: Refusal | undefined
  /** The cycles in which messages of the batch are committed. */
  firstCycle = Number.POSITIVE_INFINITY
  lastCycle = 0
  readonly #options: BatchRoundOptions
  readonly #defaultTopic: string

  constructor(options: BatchRoundOptions) {
    this.#options = options
    this.#defaultTopic = topicOfChannel(options.batch.channel)
  }

  offerAll(): void {
    const { batch, origin } = this.#options
    if (origin === undefined) {
      for (const index of batch.messages.keys()) this.#offer(index, 0)
      return
    }
    let index = 0
    for (const { from, to } of origin.offsets) {
      for (let offset = from; offset < to; offset++) this.#offer(index++, offset)
    }
  }

  #offer(index: number, offset: number): void {
    const cycle = this.#options.stream?.cycleOf(offset)
    if (cycle !== undefined) {
      this.#waitFor(cycle)
      return
    }
    const outcome = this.withheld ?? this.#accept(index)
    if (typeof outcome === 'number') {
      this.#waitFor(outcome)
      this.accepted.push({ offset })
      return
    }
    if ('error' in outcome) {
      this.#keep(index, outcome)
      return
    }
    if (!outcome.isWithheld) {
      this.#refuse(index, outcome.refusal)
      return
    }
    this.withheld = outcome.refusal
    this.#keep(index, outcome.refusal)
  }

  #accept(index: number): Outcome {
    const { intake, batch, payloads, topics } = this.#options
    const { bytes, ends } = payloads
    const start = ends[index - 1] ?? 0
    const end = ends[index] ?? start
    if (end - start > MAX_PAYLOAD_BYTES) {
      return { refusal: tooLarge(end - start), isWithheld: false }
    }
    const id = batch.messages[index]?.messageId ?? ''
    return intake.acceptFor(
      batch.channel,
      topics[index] ?? this.#defaultTopic,
      id,
      bytes,
      start,
      end,
    )
  }

  #refuse(index: number, { error, message }: Refusal): void {
    this.#add(index, error, message)
  }

  /** With a name that says to send it again. */
  #keep(index: number, refusal: Refusal): void {
    this.#add(index, exceptionFor(refusal), `${refusal.error}: ${refusal.message}`)
  }

  #add(index: number, errorCode: string, errorMessage: string): void {
    const messageId = this.#options.batch.messages[index]?.messageId ?? ''
    this.entries.push({ messageId, errorCode, errorMessage })
  }

  #waitFor(cycle: number): void {
    if (cycle === 0) return
    this.firstCycle = Math.min(this.firstCycle, cycle)
    this.lastCycle = Math.max(this.lastCycle, cycle)
  }
}

export function exceptionFor({ error }: Refusal): ExceptionName {
  return THROTTLED.has(error) ? 'ThrottlingException' : 'ServiceUnavailableException'
}

function tooLarge(bytes: number): Refusal {
  const message = `The message has ${bytes} bytes; at most ${MAX_PAYLOAD_BYTES} (128 KB) are allowed.`
  return { error: 'MessageTooLarge', message }
}
