/**
 * Writes down where the cursors are: while something changes, about once a second, with the next
 * commit. After a crash, only messages settled since then are delivered again.
 */
import type { Clock, Timer } from '../../clock.ts'

const INTERVAL_MS = 1_000

/** A channel, or the dead letters: it has a state to write down. */
export interface Checkpointed {
  /** Notes the state in the log, for the next commit. */
  checkpoint(): void
}

export class Checkpoints {
  readonly #clock: Clock
  readonly #changed = new Set<Checkpointed>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * The member's state has changed. It is noted now if it is needed `soon`, because disk space
   * waits.
   */
  changed(member: Checkpointed, soon: boolean): void {
    this.#changed.add(member)
    if (soon) this.flush()
    else this.#timer ??= this.#clock.after(INTERVAL_MS, () => this.flush())
  }

  /** Notes all states that have changed. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const member of changed) member.checkpoint()
  }
}
