/**
 * Puts the messages of submissions into record batches, one for each partition, and takes those of
 * a refused batch out again.
 */
import type { Refusal } from '../../message.ts'
import type { KafkaOptions } from './options.ts'
import { nameOfCode } from './protocol/errors.ts'
import { KeyChooser } from './protocol/keys.ts'
import type { PartitionAnswer } from './protocol/produce.ts'
import { RecordBatch } from './protocol/record-batch.ts'
import { RecordWriter } from './protocol/record-writer.ts'
import type { Submission } from './submission.ts'

/** Of one round of requests. Further messages wait for the next one. */
const MAX_ROUND_BYTES = 16 * 1_024 * 1_024

/** A record batch, and whose messages are in it. */
export class PartitionBatch {
  readonly place: string
  readonly records: RecordBatch
  /** Of each record, in order. */
  readonly submissions: Submission[] = []
  readonly indexes: number[] = []
  attempts = 0
  /** It may be stored, although no answer has said so. */
  mayBeStored = false
  /** Its producer id is not good any more. */
  needsProducer = false

  constructor(topic: string, partition: number) {
    this.place = placeOf(topic, partition)
    this.records = new RecordBatch(topic, partition)
  }

  /** Whether somebody waits for one of its messages. */
  get isAwaited(): boolean {
    return this.submissions.some((submission, entry) =>
      submission.isOpen(this.indexes[entry] ?? -1),
    )
  }

  forEach(call: (submission: Submission, index: number, entry: number) => void): void {
    this.submissions.forEach((submission, entry) => {
      call(submission, this.indexes[entry] ?? 0, entry)
    })
  }
}

export interface AssemblyTarget {
  partitionsOf(topic: string): number | undefined
  /** Whether messages of the partition have to wait for the next round. */
  isBlocked(place: string): boolean
}

interface Round {
  readonly batches: Map<string, PartitionBatch>
  readonly closed: Set<string>
  bytes: number
  readonly target: AssemblyTarget
}

interface Entry {
  readonly submission: Submission
  readonly index: number
  readonly partition: number
  readonly place: string
}

export class Assembly {
  readonly #keys: KeyChooser
  readonly #writer: RecordWriter
  readonly #maxBytes: number
  /** After a refused batch: how many records the next one of the partition has at most. */
  readonly #limits = new Map<string, number>()
  /** For messages without keys. */
  #turn = 0

  constructor(connectorId: string, { key, headers, maxRecordBatchBytes }: KafkaOptions) {
    this.#keys = new KeyChooser(key)
    this.#writer = new RecordWriter(connectorId, headers)
    this.#maxBytes = maxRecordBatchBytes
  }

  /** What does not fit, or has to wait, stays pending. */
  assemble(submissions: readonly Submission[], target: AssemblyTarget): PartitionBatch[] {
    const round: Round = { batches: new Map(), closed: new Set(), bytes: 0, target }
    for (const submission of submissions) {
      const partitions = target.partitionsOf(submission.topic)
      if (partitions === undefined || submission.pending.length === 0) continue
      const places = placesOf(submission.topic, partitions)
      const turn = this.#turn++ % partitions
      const left: number[] = []
      for (const index of submission.pending) {
        const key = this.#keys.keyOf(submission.messageAt(index))
        const partition = key === undefined ? turn : key.hash % partitions
        const entry = { submission, index, partition, place: places[partition] ?? '' }
        if (!this.#add(round, entry, key?.bytes)) left.push(index)
      }
      submission.pending = left
    }
    return [...round.batches.values()]
  }

  /** After a message that has to wait, all others of its partition wait too. */
  #add(round: Round, entry: Entry, key: Buffer | undefined): boolean {
    const { batches, closed, target } = round
    const { submission, index, partition, place } = entry
    if (closed.has(place)) return false
    if (round.bytes > MAX_ROUND_BYTES || target.isBlocked(place)) {
      closed.add(place)
      return false
    }
    const batch = batches.get(place) ?? new PartitionBatch(submission.topic, partition)
    const before = batch.records.length
    if (!this.#append(batch, submission, index, key)) {
      closed.add(place)
      return false
    }
    round.bytes += batch.records.length - before
    batches.set(place, batch)
    return true
  }

  #append(batch: PartitionBatch, submission: Submission, index: number, key: Buffer | undefined) {
    if (batch.records.count >= (this.#limits.get(batch.place) ?? Number.POSITIVE_INFINITY)) {
      return false
    }
    const message = submission.messageAt(index)
    const isIn = this.#writer.append(batch.records, submission.batch, message, key, this.#maxBytes)
    if (!isIn) return false
    batch.submissions.push(submission)
    batch.indexes.push(index)
    return true
  }

  /** After success, batches of the partition may grow again. */
  stored({ place, records }: PartitionBatch): void {
    const limit = this.#limits.get(place)
    if (limit === undefined) return
    if (records.count * 2 > MAX_LIMIT) this.#limits.delete(place)
    else this.#limits.set(place, Math.max(limit, records.count * 2))
  }

  /**
   * A batch was refused for its content, and nothing of it is stored. The messages to blame are
   * rejected if the broker names them, or if one stands alone. The others become pending again, in
   * batches of half the size.
   */
  refused(batch: PartitionBatch, answer: PartitionAnswer): void {
    const said = answer.message === null ? '' : `: ${answer.message}`
    const name = nameOfCode(answer.code)
    const refusal = { error: name, message: `${batch.records.topic}: ${name}${said}` }
    const toBlame = new Map<number, Refusal>()
    for (const { index, message } of answer.recordErrors) {
      toBlame.set(index, message === null ? refusal : { error: name, message })
    }
    const { count } = batch.records
    if (count === 1) toBlame.set(0, refusal)
    if (toBlame.size === 0) this.#limits.set(batch.place, count >>> 1)
    const again = new Map<Submission, number[]>()
    batch.forEach((submission, index, entry) => {
      const blame = toBlame.get(entry)
      if (blame !== undefined) submission.reject(index, blame)
      else if (submission.isOpen(index)) {
        const indexes = again.get(submission) ?? []
        indexes.push(index)
        again.set(submission, indexes)
      }
    })
    for (const [submission, indexes] of again) {
      submission.pending = [...submission.pending, ...indexes].sort((a, b) => a - b)
    }
  }
}

const MAX_LIMIT = 10_000
const PLACES = new Map<string, string[]>()
const MAX_PLACES = 1_000

export function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/** The places of a topic, so that no text is made for each message. */
function placesOf(topic: string, partitions: number): readonly string[] {
  let places = PLACES.get(topic)
  if (places?.length !== partitions) {
    if (PLACES.size >= MAX_PLACES) PLACES.clear()
    places = Array.from({ length: partitions }, (_, partition) => placeOf(topic, partition))
    PLACES.set(topic, places)
  }
  return places
}
