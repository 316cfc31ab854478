/** What a destination answered last, and since when it has not answered. */

export class AnswerRecord {
  #lastAcceptedAt: number | undefined
  #lastRejectedAt: number | undefined
  #rejectedInARow = 0
  /** Batches under way, the earliest first: when each was sent, by the monotonic clock. */
  readonly #underWay = new Map<number, number>()
  #batches = 0

  /** When it accepted a message last, milliseconds since 1970; undefined if it has not yet. */
  get lastAcceptedAt(): number | undefined {
    return this.#lastAcceptedAt
  }

  get lastRejectedAt(): number | undefined {
    return this.#lastRejectedAt
  }

  /** How many messages it rejected since it accepted one last. */
  get rejectedInARow(): number {
    return this.#rejectedInARow
  }

  /** When the earliest batch without a result was sent, by the monotonic clock. */
  get unansweredSince(): number | undefined {
    for (const at of this.#underWay.values()) return at
    return undefined
  }

  /** A batch is sent. Returns the number to end it with. */
  began(atMonotonic: number): number {
    this.#batches += 1
    this.#underWay.set(this.#batches, atMonotonic)
    return this.#batches
  }

  ended(batch: number): void {
    this.#underWay.delete(batch)
  }

  /** The batch had a result for these numbers of messages. */
  answered(at: number, accepted: number, rejected: number): void {
    if (rejected > 0) {
      this.#lastRejectedAt = at
      this.#rejectedInARow += rejected
    }
    if (accepted > 0) {
      this.#lastAcceptedAt = at
      this.#rejectedInARow = 0
    }
  }
}
