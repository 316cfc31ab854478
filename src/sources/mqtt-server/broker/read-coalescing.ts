/**
 * Lets steady senders wait with the commit cycle that collects their messages: what they send
 * meanwhile stays in the kernel, and is read at once when the cycle is about to close. Waking up
 * for one message costs more than taking it in.
 *
 *     sent      a b c d e f g h i j│k l m n o p q r s t│
 *     read      a b        (c … j) │k        (l … t)   │   and then: commit
 */
import type { Intake } from '../../source.ts'

/** A connection that has left its socket unread. */
export interface WaitingReader {
  readOn(): void
}

export class ReadCoalescing {
  readonly #intake: Intake
  #closedCycles = 0
  #waiting: WaitingReader[] = []

  constructor(intake: Intake) {
    this.#intake = intake
  }

  /** The number of cycles that have closed; it tells one cycle from the next. */
  get closedCycles(): number {
    return this.#closedCycles
  }

  /** The open cycle collects messages for some milliseconds more, so it pays to wait. */
  get isCollecting(): boolean {
    return this.#intake.isCollecting
  }

  /** Calls `readOn` when the cycle closes. Not to be called again before that. */
  wait(reader: WaitingReader): void {
    this.#waiting.push(reader)
  }

  /** The open cycle is about to close. Returns whether a reader reads on. */
  closing(): boolean {
    this.#closedCycles += 1
    if (this.#waiting.length === 0) return false
    const waiting = this.#waiting
    this.#waiting = []
    for (const reader of waiting) reader.readOn()
    return true
  }
}
