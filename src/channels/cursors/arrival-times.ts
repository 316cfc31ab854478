/**
 * Remembers roughly when messages came, without reading the log: one mark for the first message of
 * each commit. The answer for an offset is never later than the truth. It is at most one commit
 * earlier while few commits wait. It is less exact while many wait, because then batches are full
 * at once.
 */
import { collapsedOffset } from '../log/offset-ranges.ts'

const MAX_MARKS = 64

interface Mark {
  readonly offset: number
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

  /** Notes the same of a message that was there at the start, if no mark says. */
  noteFound(offset: number, receivedAt: number): void {
    const first = this.#marks[0]?.offset ?? Number.POSITIVE_INFINITY
    if (offset < first) this.#marks.unshift({ offset, receivedAt })
  }

  /** When the message at `offset` came, or earlier; 0 when no mark says. */
  at(offset: number): number {
    for (let index = this.#marks.length - 1; index >= 0; index -= 1) {
      const mark = this.#marks[index]
      if (mark !== undefined && mark.offset <= offset) return mark.receivedAt
    }
    return 0
  }

  /** Forgets the marks that are only needed for messages below `offset`. */
  forgetBelow(offset: number): void {
    while ((this.#marks[1]?.offset ?? Number.POSITIVE_INFINITY) <= offset) this.#marks.shift()
  }

  /** The staged offsets `from ≤ x < to` could not be committed: see `collapsedOffset`. */
  collapse(from: number, to: number): void {
    const kept: Mark[] = []
    for (const { offset, receivedAt } of this.#marks) {
      const mark = { offset: collapsedOffset(offset, from, to), receivedAt }
      // Of the marks that are at `from` now, the last is that of the message now there.
      if (kept.at(-1)?.offset === mark.offset) kept.pop()
      kept.push(mark)
    }
    this.#marks = kept
  }
}
