/**
 * Between connections and the intake: which connections wait for a commit to send their
 * acknowledgements, and which hold back messages because commits are behind.
 */
import type { Refusal } from '../../message.ts'
import type { CommitListener, Intake } from '../source.ts'

/** A connection as far as commits concern it. Both return whether it still waits for a later one. */
export interface Debtor {
  /** Everything up to `cycle` is durable. */
  settle(cycle: number): boolean
  /** `cycle` is not, and never will be. */
  fail(cycle: number, refusal: Refusal): boolean
}

/** Holds messages back until the intake takes them again. */
export interface Holder {
  resume(): void
}

/** The cycle of a message that waits for no commit. */
export const NO_CYCLE = -1

export class Acceptance implements CommitListener {
  readonly intake: Intake
  /** All cycles up to here have been reported. */
  finishedCycle = NO_CYCLE
  /** No more messages come in. */
  isStopped = false
  #owing: Debtor[] = []
  readonly #holding = new Set<Holder>()

  constructor(intake: Intake) {
    this.intake = intake
  }

  /** Once per debtor, until `settle` or `fail` has returned false for it. */
  owe(debtor: Debtor): void {
    this.#owing.push(debtor)
  }

  hold(holder: Holder): void {
    this.#holding.add(holder)
  }

  forget(holder: Holder): void {
    this.#holding.delete(holder)
  }

  committed(cycle: number): void {
    this.finishedCycle = cycle
    const owing = this.#owing
    this.#owing = []
    for (const debtor of owing) if (debtor.settle(cycle)) this.#owing.push(debtor)
    this.#resume()
  }

  failed(cycle: number, refusal: Refusal): void {
    this.finishedCycle = cycle
    const owing = this.#owing
    this.#owing = []
    for (const debtor of owing) if (debtor.fail(cycle, refusal)) this.#owing.push(debtor)
    this.#resume()
  }

  /** In turn, so that none has to wait for all that another holds. */
  #resume(): void {
    for (const holder of [...this.#holding]) {
      if (this.intake.isSaturated) return
      this.#holding.delete(holder)
      holder.resume()
    }
  }
}
