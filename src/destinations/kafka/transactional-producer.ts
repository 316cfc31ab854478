/**
 * Writes messages and the positions of their logs in one transaction. All submissions that arrive
 * while one transaction commits share the next.
 *
 * After any failure, the session is given up. The next one begins with a new epoch of the producer,
 * which ends what is left of the old transaction, and then reads the positions: they say whether it
 * was committed. So a commit whose answer is lost is never sent twice.
 */
import type { ConnectorError } from '../../errors.ts'
import type { BatchOutcome } from '../destination.ts'
import { Assembly, PartitionBatch } from './assembly.ts'
import {
  appendPosition,
  type PositionOwner,
  positionKey,
  positionPartition,
  positionsMissing,
  readPositions,
} from './positions.ts'
import type { ProducerParts } from './producer-parts.ts'
import { untilAborted } from './protocol/connections.ts'
import { DUPLICATE_SEQUENCE, errorOfCode, KafkaError } from './protocol/errors.ts'
import { type NoAnswer, type PartitionAnswer, produce } from './protocol/produce.ts'
import { nextSequence, type ProducerId } from './protocol/record-batch.ts'
import { Rounds } from './rounds.ts'
import type { Submission } from './submission.ts'
import { Transaction } from './transaction.ts'

const MAX_ATTEMPTS = 5
const MAX_FAILURES = 3
const FIRST_DELAY_MS = 50

interface Session {
  readonly producer: ProducerId
  /** By log id: the offset after the last message that is committed. */
  readonly positions: Map<string, number>
  readonly sequences: Map<string, number>
}

/** What became of the batches of one request. */
interface WriteState {
  readonly session: Session
  readonly stored: PartitionBatch[]
  readonly failed: Map<PartitionBatch, ConnectorError>
}

export class TransactionalProducer {
  readonly #parts: ProducerParts
  readonly #owner: PositionOwner
  readonly #transactionalId: string
  readonly #assembly: Assembly
  readonly #rounds: Rounds
  #session: Promise<Session> | undefined
  #closing: AbortController | undefined

  constructor(parts: ProducerParts, owner: PositionOwner) {
    this.#parts = parts
    this.#owner = owner
    this.#transactionalId = transactionalIdOf(owner)
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

  /** @throws {ConnectorError} with effect `retry` */
  async position(logId: string, signal: AbortSignal): Promise<number> {
    const { cluster, connections, timeoutMs } = this.#parts
    const { positions } = await this.#opened(signal)
    try {
      // Positions are known from here on. This finds out early whether the cluster answers.
      await cluster.within(timeoutMs, signal, (bounded) =>
        cluster.coordinatorOf(this.#transactionalId, bounded),
      )
    } catch (thrown) {
      throw connections.asError(thrown, 'asking for the position')
    }
    return positions.get(logId) ?? 0
  }

  close(reason: ConnectorError): void {
    this.#rounds.close(reason)
    this.#closing?.abort(reason)
  }

  /** One session for all who wait for it. Opening it takes bounded time. */
  async #opened(signal: AbortSignal): Promise<Session> {
    const opening = this.#session ?? this.#open()
    this.#session = opening
    try {
      return await untilAborted(opening, signal)
    } catch (thrown) {
      if (!signal.aborted) this.#giveUp(opening)
      throw thrown
    }
  }

  #giveUp(session: Promise<Session>): void {
    if (this.#session === session) this.#session = undefined
  }

  async #open(): Promise<Session> {
    const { timeoutMs, clock, cluster, options } = this.#parts
    const controller = new AbortController()
    this.#closing = controller
    const text = `reading the positions: no answer within ${timeoutMs} ms`
    const timer = clock.after(timeoutMs, () => controller.abort(new KafkaError('retry', text)))
    const { signal } = controller
    const topic = options.positionsTopic
    try {
      const state = (await cluster.topics([topic], signal)).get(topic)
      if (state instanceof Error) throw asPositionsError(state, topic)
      const producer = await this.#parts.initProducer(this.#transactionalId, signal)
      const positions = await readPositions(this.#parts, topic, this.#owner, signal)
      return { producer, positions, sequences: new Map() }
    } catch (thrown) {
      throw this.#parts.connections.asError(
        signal.aborted ? signal.reason : thrown,
        'opening a session for transactions',
      )
    } finally {
      timer.cancel()
    }
  }

  async #round(submissions: readonly Submission[], signal: AbortSignal): Promise<void> {
    const session = await this.#opened(signal)
    const used = this.#session
    for (const submission of submissions) settleCommitted(submission, session.positions)
    await this.#lookUp(submissions, signal)
    const live = submissions.filter(({ isOver }) => !isOver)
    if (live.length === 0) return
    try {
      await this.#transact(session, live, signal)
    } catch (thrown) {
      if (used !== undefined) this.#giveUp(used)
      const cause = signal.aborted ? signal.reason : thrown
      this.#failed(live, this.#parts.connections.asError(cause, 'writing in a transaction'))
    }
  }

  #failed(live: readonly Submission[], error: ConnectorError): void {
    const reaction = error instanceof KafkaError ? error.reaction : 'retry'
    const isFinal = reaction === 'denied' || reaction === 'clock' || isFenced(error)
    for (const submission of live) {
      submission.trouble = error
      submission.failures++
      submission.pending = submission.batch.messages
        .map((_, index) => index)
        .filter((index) => submission.isOpen(index))
      if (isFinal || submission.failures >= MAX_FAILURES) submission.failAll(error)
    }
  }

  async #lookUp(submissions: readonly Submission[], signal: AbortSignal): Promise<void> {
    const names = new Set(submissions.map(({ topic }) => topic))
    names.add(this.#parts.options.positionsTopic)
    const topics = await this.#parts.cluster.topics(names, signal)
    for (const submission of submissions) {
      const state = topics.get(submission.topic)
      if (state instanceof Error) submission.failAll(state)
    }
  }

  async #transact(session: Session, live: readonly Submission[], signal: AbortSignal) {
    const { cluster } = this.#parts
    const transaction = new Transaction(
      this.#parts,
      this.#transactionalId,
      session.producer,
      await cluster.coordinatorOf(this.#transactionalId, signal),
    )
    const written = this.#positionBatches(live)
    let batches: PartitionBatch[] = [...written]
    for (;;) {
      const assembled = this.#assembly.assemble(live, {
        partitionsOf: (topic) => cluster.partitionsOf(topic),
        isBlocked: () => false,
      })
      if (assembled.length === 0 && batches.length === 0) break
      batches.push(...assembled)
      for (const batch of batches) this.#seal(batch, session)
      await transaction.add(batches, signal)
      written.push(...(await this.#write(batches, session, signal)))
      batches = []
    }
    await transaction.commit(signal)
    for (const submission of live) {
      session.positions.set(submission.batch.logId, endOf(submission))
    }
    for (const batch of written) {
      batch.forEach((submission, index) => {
        submission.deliver(index)
      })
    }
  }

  /** Sends batches until each of them is stored or refused. Returns those that are stored. */
  async #write(
    batches: readonly PartitionBatch[],
    session: Session,
    signal: AbortSignal,
  ): Promise<PartitionBatch[]> {
    const { cluster } = this.#parts
    const stored: PartitionBatch[] = []
    let waiting = batches
    for (let attempt = 1; ; attempt++) {
      const answers = await produce(
        waiting.map(({ records }) => records),
        { ...this.#parts, transactionalId: this.#transactionalId },
        signal,
      )
      const failed = new Map<PartitionBatch, ConnectorError>()
      for (const batch of waiting) {
        const answer = answers.get(batch.records)
        if (answer !== undefined) this.#settle(batch, answer, { session, stored, failed })
      }
      const [error] = failed.values()
      if (error === undefined) return stored
      if (signal.aborted || !mayPass(error) || attempt === MAX_ATTEMPTS) throw error
      waiting = [...failed.keys()]
      const topics = new Set(waiting.map(({ records }) => records.topic))
      for (const topic of topics) cluster.forget(topic)
      await cluster.pause(FIRST_DELAY_MS * 2 ** (attempt - 1), signal)
      await cluster.topics(topics, signal)
    }
  }

  #settle(
    batch: PartitionBatch,
    answer: PartitionAnswer | NoAnswer,
    { session: { sequences }, stored, failed }: WriteState,
  ): void {
    if ('error' in answer) {
      failed.set(batch, answer.error)
    } else if (answer.code === 0 || answer.code === DUPLICATE_SEQUENCE) {
      const sequence = sequences.get(batch.place) ?? 0
      sequences.set(batch.place, nextSequence(sequence, batch.records.count))
      this.#assembly.stored(batch)
      stored.push(batch)
    } else {
      const doing = `writing to topic ${batch.records.topic}`
      const error = errorOfCode(answer.code, doing, answer.message)
      if (error.reaction === 'content') this.#assembly.refused(batch, answer)
      else failed.set(batch, error)
    }
  }

  #seal(batch: PartitionBatch, { producer, sequences }: Session): void {
    const { library, compression } = this.#parts
    batch.records.seal({
      producer,
      sequence: sequences.get(batch.place) ?? 0,
      isTransactional: true,
      compression,
      crc32c: library.crc32c,
    })
  }

  /** The records that say how far the logs have been written once the transaction is committed. */
  #positionBatches(live: readonly Submission[]): PartitionBatch[] {
    const { cluster, clock, options } = this.#parts
    const topic = options.positionsTopic
    const partitions = cluster.partitionsOf(topic) ?? 1
    const batches = new Map<number, PartitionBatch>()
    for (const submission of live) {
      const key = positionKey(this.#owner, submission.batch.logId)
      const partition = positionPartition(key, partitions)
      const batch = batches.get(partition) ?? new PartitionBatch(topic, partition)
      batches.set(partition, batch)
      appendPosition(batch.records, key, endOf(submission), Math.floor(clock.now()))
    }
    return [...batches.values()]
  }
}

export function transactionalIdOf({ connectorId, name }: PositionOwner): string {
  return `${connectorId}/${name}`
}

function settleCommitted(submission: Submission, positions: ReadonlyMap<string, number>): void {
  const position = positions.get(submission.batch.logId) ?? 0
  const left: number[] = []
  for (const index of submission.pending) {
    if (submission.messageAt(index).offset < position) submission.deliver(index)
    else left.push(index)
  }
  if (!submission.isOver) submission.pending = left
}

function endOf({ batch }: Submission): number {
  return (batch.messages.at(-1)?.offset ?? -1) + 1
}

function mayPass(error: ConnectorError): boolean {
  if (!(error instanceof KafkaError)) return error.effect === 'retry'
  return error.reaction === 'retry' || error.reaction === 'stale'
}

/** Not tried again at once: two connectors with the same id would take turns without end. */
function isFenced(error: ConnectorError): boolean {
  return error instanceof KafkaError && (error.kafkaCode === 90 || error.kafkaCode === 47)
}

function asPositionsError(error: ConnectorError, topic: string): ConnectorError {
  return error.code === 'DestinationMissing' ? positionsMissing(topic) : error
}
