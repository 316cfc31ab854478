/**
 * Lets steady senders wait with the commit that gathers their messages: what they send meanwhile
 * stays in the kernel, and is read at once when the cycle is about to close. Waking up for a message
 * costs more than taking it in.
 *
 *     sent      a b c d e f g h i j│k l m n o p q r s t│
 *     read      a b        (c … j) │k        (l … t)   │   and then: commit
 */
import type { Intake } from '../../source.ts'

/** Somebody who has left something unread. */
export interface Reader {
  readOn(): void
}

export class Gathering {
  /** How many are over. */
  number = 0
  readonly #intake: Intake
  #waiting: Reader[] = []

  constructor(intake: Intake) {
    this.#intake = intake
  }

  /** Whether it is worth waiting: for some milliseconds at most. */
  get isOn(): boolean {
    return this.#intake.isCollecting
  }

  /** To be called once, then not again before `readOn`. */
  wait(reader: Reader): void {
    this.#waiting.push(reader)
  }

  /** Returns whether anybody reads on. */
  end(): boolean {
    this.number += 1
    if (this.#waiting.length === 0) return false
    const waiting = this.#waiting
    this.#waiting = []
    for (const reader of waiting) reader.readOn()
    return true
  }
}
