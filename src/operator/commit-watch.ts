/** Waits for the commits of replayed messages, and says which of them failed. */
import type { ChannelSet } from '../channels/channel-set.ts'
import type { Refusal } from '../message.ts'

export class CommitWatch {
  /** Called after the next commit. */
  readonly #waiting: (() => void)[] = []
  readonly #failures = new Map<number, Refusal>()
  #isWatching = false
  #reported = 0

  /** Listens to commits; to be called once. */
  start(commits: ChannelSet['commits']): void {
    commits.listen({
      committed: (cycle) => this.#report(cycle),
      failed: (cycle, refusal) => {
        if (this.#isWatching) this.#failures.set(cycle, refusal)
        this.#report(cycle)
      },
    })
  }

  /** Runs a replay; meanwhile failures are remembered, until they are asked for. */
  async during<Report>(replay: () => Promise<Report>): Promise<Report> {
    this.#isWatching = true
    try {
      return await replay()
    } finally {
      this.#isWatching = false
      this.#failures.clear()
    }
  }

  /** Resolves when the cycle is committed or has failed. */
  async reported(cycle: number): Promise<void> {
    while (this.#reported < cycle) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  failureOf(cycle: number): Refusal | undefined {
    return this.#failures.get(cycle)
  }

  forgetFailures(): void {
    this.#failures.clear()
  }

  #report(cycle: number): void {
    this.#reported = cycle
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
