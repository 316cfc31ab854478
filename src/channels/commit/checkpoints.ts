/**
 * Has written down where the readers are, at most about once a second while something changes, with
 * the next commit. After a crash at most what was settled since then is delivered again.
 */
import type { Clock, Timer } from '../../clock.ts'

const INTERVAL_MS = 1_000

/** What has a state to write down: a channel, or the dead letters. */
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

  /** The member has something to write down; at once when disk space waits for it. */
  changed(member: Checkpointed, soon: boolean): void {
    this.#changed.add(member)
    if (soon) this.flush()
    else this.#timer ??= this.#clock.after(INTERVAL_MS, () => this.flush())
  }

  /** Notes everything that has changed until now. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const member of changed) member.checkpoint()
  }
}
