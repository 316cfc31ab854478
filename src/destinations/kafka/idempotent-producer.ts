/**
 * Writes without transactions. Each partition has at most one record batch under way, and a batch
 * whose fate is not known is sent again with the same bytes before anything else goes to its
 * partition: the broker recognises it by its producer id and its sequence.
 *
 *     assembled ──▶ sealed ──sent──▶ stored
 *         ▲                  │  ▲
 *         │                  │  └── again, with the same bytes: no answer, or an error that may pass
 *         └── refused for ───┘
 *             its content
 */
import type { ConnectorError } from '../../errors.ts'
import type { BatchOutcome } from '../destination.ts'
import { Assembly, type PartitionBatch } from './assembly.ts'
import { Doubts } from './doubts.ts'
import type { ProducerParts } from './producer-parts.ts'
import { DUPLICATE_SEQUENCE, errorOfCode, KafkaError, mayBeStored } from './protocol/errors.ts'
import { type NoAnswer, type PartitionAnswer, produce } from './protocol/produce.ts'
import { nextSequence, type ProducerId } from './protocol/record-batch.ts'
import { Rounds } from './rounds.ts'
import type { Submission } from './submission.ts'

const MAX_ATTEMPTS = 5
const FIRST_DELAY_MS = 50

export class IdempotentProducer {
  readonly #parts: ProducerParts
  readonly #assembly: Assembly
  readonly #rounds: Rounds
  readonly #doubts = new Doubts()
  /** By place: the sequence of the next record. */
  readonly #sequences = new Map<string, number>()
  #producer: ProducerId | undefined

  constructor(parts: ProducerParts) {
    this.#parts = parts
    this.#assembly = new Assembly(parts.connectorId, parts.options)
    const { timeoutMs, clock } = parts
    this.#rounds = new Rounds({
      timeoutMs,
      clock,
      run: (submissions, signal) => this.#round(submissions, signal),
    })
  }

  submit(submission: Submission): Promise<BatchOutcome> {
    return this.#rounds.submit(submission)
  }

  close(reason: ConnectorError): void {
    this.#rounds.close(reason)
  }

  async #round(submissions: readonly Submission[], signal: AbortSignal): Promise<void> {
    const { cluster } = this.#parts
    // Here, and not when they arrive: now it is settled what became of the round before.
    for (const submission of submissions) this.#doubts.recognise(submission)
    const producer = await this.#producerId(signal)
    await this.#lookUp(submissions, signal)
    const wanted = new Set<string>()
    const assembled = this.#assembly.assemble(submissions, {
      partitionsOf: (topic) => cluster.partitionsOf(topic),
      isBlocked: (place) => {
        if (!this.#doubts.has(place)) return false
        wanted.add(place)
        return true
      },
    })
    for (const batch of assembled) this.#seal(batch, producer)
    const again = this.#again(wanted, producer)
    const batches = [...again, ...assembled]
    if (batches.length === 0) return
    const answers = await produce(
      batches.map(({ records }) => records),
      { ...this.#parts, transactionalId: null },
      signal,
    )
    let attempts = 0
    for (const batch of batches) {
      const answer = answers.get(batch.records)
      if (answer !== undefined) this.#settle(batch, answer, signal)
      attempts = Math.max(attempts, batch.attempts)
    }
    if (attempts > 0 && !signal.aborted) {
      await cluster.pause(FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, MAX_ATTEMPTS), signal)
    }
  }

  /** Submissions to topics that can't be written to fail; the others go on. */
  async #lookUp(submissions: readonly Submission[], signal: AbortSignal): Promise<void> {
    const names = new Set(submissions.map(({ topic }) => topic))
    for (const { records } of this.#doubts.batches) names.add(records.topic)
    const topics = await this.#parts.cluster.topics(names, signal)
    for (const submission of submissions) {
      const state = topics.get(submission.topic)
      if (state instanceof Error) submission.failAll(state)
    }
  }

  #seal(batch: PartitionBatch, producer: ProducerId): void {
    const sequence = this.#sequences.get(batch.place) ?? 0
    const { library, compression } = this.#parts
    batch.records.seal({
      producer,
      sequence,
      isTransactional: false,
      compression,
      crc32c: library.crc32c,
    })
  }

  /** The batches that were sent before, if somebody waits for them or for their partition. */
  #again(wanted: ReadonlySet<string>, producer: ProducerId): PartitionBatch[] {
    const again: PartitionBatch[] = []
    for (const batch of this.#doubts.batches) {
      const { topic, partition } = batch.records
      const partitions = this.#parts.cluster.partitionsOf(topic)
      if (partitions !== undefined && partition >= partitions) {
        // The topic was deleted and made again with fewer partitions.
        this.#doubts.end(batch)
        fail(
          batch,
          new KafkaError('retry', `topic ${topic} has no partition ${partition} any more`),
        )
        continue
      }
      if (!wanted.has(batch.place) && !batch.isAwaited) continue
      if (batch.needsProducer) {
        batch.records.stamp(producer, this.#sequences.get(batch.place) ?? 0)
        batch.needsProducer = false
      }
      again.push(batch)
    }
    return again
  }

  #settle(batch: PartitionBatch, answer: PartitionAnswer | NoAnswer, signal: AbortSignal): void {
    if ('error' in answer) {
      batch.mayBeStored ||= answer.mayBeStored
      this.#failed(batch, answer.error, signal)
      return
    }
    if (answer.code === 0 || answer.code === DUPLICATE_SEQUENCE) {
      this.#stored(batch)
      return
    }
    batch.mayBeStored ||= mayBeStored(answer.code)
    const { topic } = batch.records
    const error = errorOfCode(answer.code, `writing to topic ${topic}`, answer.message)
    if (error.reaction === 'content') {
      this.#doubts.end(batch)
      this.#assembly.refused(batch, answer)
      return
    }
    this.#failed(batch, error, signal)
  }

  #stored(batch: PartitionBatch): void {
    const { place, records } = batch
    this.#doubts.end(batch)
    this.#assembly.stored(batch)
    batch.attempts = 0
    if (records.producer === this.#producer) {
      const sequence = this.#sequences.get(place) ?? 0
      this.#sequences.set(place, nextSequence(sequence, records.count))
    }
    batch.forEach((submission, index) => {
      if (submission.isOpen(index)) submission.deliver(index)
      else this.#doubts.remember(submission.batch.logId, submission.messageAt(index).offset)
    })
  }

  #failed(batch: PartitionBatch, error: ConnectorError, signal: AbortSignal): void {
    const reaction = error instanceof KafkaError ? error.reaction : 'retry'
    batch.attempts++
    this.#parts.cluster.forget(batch.records.topic)
    if (reaction === 'producer') {
      if (batch.records.producer === this.#producer) this.#newProducer()
      batch.needsProducer = true
    }
    const isFinal = reaction === 'denied' || reaction === 'clock'
    if (!isFinal && batch.attempts < MAX_ATTEMPTS && !signal.aborted) {
      this.#doubts.add(batch)
      batch.forEach((submission) => {
        submission.trouble = error
      })
      return
    }
    batch.attempts = 0
    if (batch.mayBeStored) this.#doubts.add(batch)
    else this.#doubts.end(batch)
    fail(batch, error)
  }

  #newProducer(): void {
    this.#producer = undefined
    this.#sequences.clear()
  }

  async #producerId(signal: AbortSignal): Promise<ProducerId> {
    this.#producer ??= await this.#parts.initProducer(null, signal)
    return this.#producer
  }
}

/** Nothing of the same submission may overtake what is kept. */
function fail(batch: PartitionBatch, error: ConnectorError): void {
  batch.forEach((submission, index) => {
    for (const waiting of submission.pending) submission.keep(waiting, error)
    submission.keep(index, error)
  })
}
