/**
 * Remembers roughly when messages came, without a look at the log: one mark for the first message
 * of each commit. The answer for an offset is never later than the truth, at most one commit
 * earlier while few commits wait, and coarser when many do, where nobody waits for a batch to fill.
 */
const MAX_MARKS = 64

interface Mark {
  offset: number
  readonly receivedAt: number
}

export class ArrivalTimes {
  #marks: Mark[] = []

  /** Notes that the message at `offset` came at `receivedAt`. Offsets ascend. */
  note(offset: number, receivedAt: number): void {
    if (this.#marks.length >= MAX_MARKS) {
      this.#marks = this.#marks.filter((_, index) => index % 2 === 0)
    }
    this.#marks.push({ offset, receivedAt })
  }

  /** When the message at `offset` came, or earlier; 0 when no mark says. */
  at(offset: number): number {
    for (let index = this.#marks.length - 1; index >= 0; index -= 1) {
      const mark = this.#marks[index]
      if (mark !== undefined && mark.offset <= offset) return mark.receivedAt
    }
    return 0
  }

  /** Forgets what only tells of messages below `offset`. */
  forgetBelow(offset: number): void {
    while ((this.#marks[1]?.offset ?? Number.POSITIVE_INFINITY) <= offset) this.#marks.shift()
  }

  /** Offsets `from ≤ x < to` never came to be; those above have moved down. */
  cutOut(from: number, to: number): void {
    const kept = this.#marks.filter((mark) => mark.offset < from)
    for (const mark of this.#marks) {
      if (mark.offset < from) continue
      const offset = Math.max(from, mark.offset - (to - from))
      const last = kept.at(-1)
      if (last?.offset === offset) kept.pop()
      kept.push({ offset, receivedAt: mark.receivedAt })
    }
    this.#marks = kept
  }
}
