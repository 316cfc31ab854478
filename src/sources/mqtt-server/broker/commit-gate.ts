/**
 * Between connections and the intake: which connections wait for a commit to send their
 * acknowledgements, and which hold back messages because commits are behind. Changes to sessions that
 * outlive the process are durable with the same commits.
 */
import type { Refusal } from '../../../message.ts'
import { type CommitListener, type Intake, NO_CYCLE } from '../../source.ts'
import type { SessionRecorder } from '../sessions/session-recorder.ts'
import { Gathering } from './read-coalescing.ts'

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

export class Acceptance implements CommitListener {
  readonly intake: Intake
  readonly gathering: Gathering
  /** All cycles up to here have been reported. */
  finishedCycle = NO_CYCLE
  /** No more messages come in. */
  isStopped = false
  readonly #recorder: SessionRecorder | undefined
  readonly #onLost: (cycle: number) => void
  #owing: Debtor[] = []
  readonly #holding = new Set<Holder>()
  /** Calls that wait for a cycle with changes to sessions; cycles never descend. */
  readonly #waiting: { cycle: number; call: () => void }[] = []

  /** `onLost` is told of each cycle that failed, before anybody else. */
  constructor(
    intake: Intake,
    recorder: SessionRecorder | undefined,
    onLost: (cycle: number) => void,
  ) {
    this.intake = intake
    this.#onLost = onLost
    this.gathering = new Gathering(intake)
    this.#recorder = recorder
  }

  /** Whether sessions are kept beyond the process. */
  get keepsSessions(): boolean {
    return this.#recorder !== undefined
  }

  /** How many changes to kept sessions there have been that somebody may have to wait for. */
  get changeCount(): number {
    return this.#recorder?.changeCount ?? 0
  }

  /** The cycle that the last one of them is durable with. */
  get changedIn(): number {
    return this.#recorder?.changedIn ?? NO_CYCLE
  }

  /**
   * Calls when all changes up to now are durable, or can't be: at once where nothing is kept.
   */
  whenKept(call: () => void): void {
    if (this.changedIn <= this.finishedCycle) call()
    else this.#waiting.push({ cycle: this.changedIn, call })
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

  closing(): boolean {
    return this.gathering.end()
  }

  committed(cycle: number): void {
    this.finishedCycle = cycle
    const owing = this.#owing
    this.#owing = []
    for (const debtor of owing) if (debtor.settle(cycle)) this.#owing.push(debtor)
    this.#finish()
  }

  failed(cycle: number, refusal: Refusal): void {
    this.finishedCycle = cycle
    this.#onLost(cycle)
    const owing = this.#owing
    this.#owing = []
    for (const debtor of owing) if (debtor.fail(cycle, refusal)) this.#owing.push(debtor)
    this.#finish()
  }

  #finish(): void {
    const count = this.#waiting.findIndex(({ cycle }) => cycle > this.finishedCycle)
    const due = this.#waiting.splice(0, count < 0 ? this.#waiting.length : count)
    for (const { call } of due) call()
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
