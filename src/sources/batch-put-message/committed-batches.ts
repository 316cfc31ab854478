/** Lets batches wait until it is known whether they were stored. */
import type { Refusal } from '../../message.ts'
import type { CommitListener, Intake } from '../source.ts'
import type { OriginPositions } from './origin-positions.ts'

interface Waiting {
  readonly firstCycle: number
  readonly lastCycle: number
  failure: Refusal | undefined
  readonly end: (failure: Refusal | undefined) => void
}

export class CommittedBatches implements CommitListener {
  readonly #positions: OriginPositions
  readonly #waiting = new Set<Waiting>()
  readonly #waitingForRoom: (() => void)[] = []
  #intake: Intake | undefined
  #reported = 0

  constructor(positions: OriginPositions) {
    this.#positions = positions
  }

  start(intake: Intake): void {
    this.#intake = intake
    intake.listen(this)
  }

  /** Resolves when the intake takes messages. */
  async room(): Promise<void> {
    while (this.#intake?.isSaturated === true) {
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve))
    }
  }

  /** Resolves when all these cycles are reported: with why one of them was not stored. */
  reported(firstCycle: number, lastCycle: number): Promise<Refusal | undefined> {
    if (lastCycle <= this.#reported) return Promise.resolve(undefined)
    return new Promise((end) => {
      this.#waiting.add({ firstCycle, lastCycle, failure: undefined, end })
    })
  }

  committed(cycle: number): void {
    this.#positions.committed(cycle)
    this.#report(cycle, undefined)
  }

  failed(cycle: number, refusal: Refusal): void {
    this.#positions.failed(cycle)
    this.#report(cycle, refusal)
  }

  #report(cycle: number, failure: Refusal | undefined): void {
    this.#reported = cycle
    for (const waiting of this.#waiting) {
      if (waiting.firstCycle <= cycle) waiting.failure ??= failure
      if (waiting.lastCycle > cycle) continue
      this.#waiting.delete(waiting)
      waiting.end(waiting.failure)
    }
    for (const resolve of this.#waitingForRoom.splice(0)) resolve()
  }
}
