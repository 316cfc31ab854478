/**
 * Record batches whose fate is not known, and messages that turned out to be stored after their
 * sender had stopped waiting. A message that is sent again is looked up here, so that it is not
 * written twice.
 */
import type { PartitionBatch } from './assembly.ts'
import type { Submission } from './submission.ts'

/** Messages that expire are never asked for again; more than these are not remembered. */
const MAX_STORED = 200_000

export class Doubts {
  /** By partition, because the next batch of a partition has to wait for it. */
  readonly #batches = new Map<string, PartitionBatch>()
  /** Offsets by log. */
  readonly #stored = new Map<string, Set<number>>()
  #count = 0

  get batches(): Iterable<PartitionBatch> {
    return this.#batches.values()
  }

  has(place: string): boolean {
    return this.#batches.has(place)
  }

  add(batch: PartitionBatch): void {
    this.#batches.set(batch.place, batch)
  }

  end({ place }: PartitionBatch): void {
    this.#batches.delete(place)
  }

  /** A message is stored, and nobody waits for it now. */
  remember(logId: string, offset: number): void {
    const offsets = this.#stored.get(logId) ?? new Set()
    this.#stored.set(logId, offsets)
    offsets.add(offset)
    this.#count++
    if (this.#count <= MAX_STORED) return
    const [oldest] = this.#stored.keys()
    if (oldest !== undefined) this.#forget(oldest)
  }

  /** What a new submission has in common with what is here has not to be written again. */
  recognise(submission: Submission): void {
    if (this.#batches.size === 0 && this.#stored.size === 0) return
    this.#settleStored(submission)
    for (const batch of this.#batches.values()) join(batch, submission)
  }

  #settleStored(submission: Submission): void {
    const { logId } = submission.batch
    const offsets = this.#stored.get(logId)
    if (offsets === undefined) return
    const left: number[] = []
    for (const index of submission.pending) {
      if (!offsets.delete(submission.messageAt(index).offset)) left.push(index)
      else {
        this.#count--
        submission.deliver(index)
      }
    }
    if (offsets.size === 0) this.#stored.delete(logId)
    if (!submission.isOver) submission.pending = left
  }

  #forget(logId: string): void {
    this.#count -= this.#stored.get(logId)?.size ?? 0
    this.#stored.delete(logId)
  }
}

/** The submission takes the place of an earlier one that had the same messages. */
function join(batch: PartitionBatch, submission: Submission): void {
  if (submission.topic !== batch.records.topic) return
  const byOffset = new Map<number, number>()
  batch.forEach((earlier, index, entry) => {
    if (earlier.batch.logId !== submission.batch.logId || earlier.isOpen(index)) return
    byOffset.set(earlier.messageAt(index).offset, entry)
  })
  if (byOffset.size === 0) return
  submission.pending = submission.pending.filter((index) => {
    const entry = byOffset.get(submission.messageAt(index).offset)
    if (entry === undefined) return true
    batch.submissions[entry] = submission
    batch.indexes[entry] = index
    return false
  })
}
