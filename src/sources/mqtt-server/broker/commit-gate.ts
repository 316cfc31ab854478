/**
 * Between connections and the intake: remembers which connections wait for a commit before they
 * send acknowledgements, and which have deferred packets because commits are behind. Changes to
 * sessions that outlive the process become durable with the same commits.
 *
 *     PUBLISH ──▶ intake ──▶ cycle 7 ──committed(7)──▶ AckWaiter.flush(7) ──▶ PUBACK
 *        └── intake is saturated: deferred ◀── PausedReader.resume() ◀──┘
 */
import type { Refusal } from '../../../message.ts'
import { type CommitListener, type Intake, NO_CYCLE } from '../../source.ts'
import type { SessionRecorder } from '../sessions/session-recorder.ts'
import type { AckDelays } from './ack-delays.ts'
import { ReadCoalescing } from './read-coalescing.ts'

/** A connection's acknowledgements. Both calls return whether some still wait for a later cycle. */
export interface AckWaiter {
  /** Everything up to `cycle` is durable. */
  flush(cycle: number): boolean
  /** `cycle` is not durable and never will be. */
  fail(cycle: number, refusal: Refusal): boolean
}

/** A connection that has deferred packets until the intake takes messages again. */
export interface PausedReader {
  resume(): void
}

export class CommitGate implements CommitListener {
  readonly intake: Intake
  readonly coalescing: ReadCoalescing
  readonly delays: AckDelays | undefined
  readonly #recorder: SessionRecorder | undefined
  readonly #onLost: (cycle: number) => void
  readonly #pausedReaders = new Set<PausedReader>()
  /** Calls that wait for a cycle with changes to sessions; their cycles never descend. */
  readonly #durableCalls: { cycle: number; call: () => void }[] = []
  #ackWaiters: AckWaiter[] = []
  #finishedCycle = NO_CYCLE
  #isStopped = false

  /** `onLost` is called with each cycle that failed, before any acknowledgement is sent. */
  constructor(
    intake: Intake,
    recorder: SessionRecorder | undefined,
    onLost: (cycle: number) => void,
    delays?: AckDelays,
  ) {
    this.intake = intake
    this.#onLost = onLost
    this.coalescing = new ReadCoalescing(intake)
    this.#recorder = recorder
    this.delays = delays
  }

  /** All cycles up to this one have been reported. */
  get finishedCycle(): number {
    return this.#finishedCycle
  }

  /** No more messages are taken in. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Whether sessions are kept beyond the process. */
  get keepsSessions(): boolean {
    return this.#recorder !== undefined
  }

  /** How many changes to kept sessions there have been that an answer may have to wait for. */
  get changeCount(): number {
    return this.#recorder?.changeCount ?? 0
  }

  /** The cycle that the last of these changes becomes durable with. */
  get changedIn(): number {
    return this.#recorder?.changedIn ?? NO_CYCLE
  }

  /** Takes no more messages from now on. Acknowledgements still go out. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * Calls when all changes to sessions up to now are durable or have failed; at once where sessions
   * are not kept.
   */
  whenDurable(call: () => void): void {
    if (this.changedIn <= this.#finishedCycle) call()
    else this.#durableCalls.push({ cycle: this.changedIn, call })
  }

  /** To be called once for each waiter, until its `flush` or `fail` has returned false. */
  addAckWaiter(waiter: AckWaiter): void {
    this.#ackWaiters.push(waiter)
  }

  /** Calls `resume` once, after a commit, when the intake is not saturated. */
  resumeLater(reader: PausedReader): void {
    this.#pausedReaders.add(reader)
  }

  removeReader(reader: PausedReader): void {
    this.#pausedReaders.delete(reader)
  }

  closing(): boolean {
    return this.coalescing.closing()
  }

  committed(cycle: number): void {
    this.#finishedCycle = cycle
    const waiters = this.#ackWaiters
    this.#ackWaiters = []
    for (const waiter of waiters) if (waiter.flush(cycle)) this.#ackWaiters.push(waiter)
    this.delays?.report()
    this.#finish()
  }

  failed(cycle: number, refusal: Refusal): void {
    this.#finishedCycle = cycle
    this.#onLost(cycle)
    const waiters = this.#ackWaiters
    this.#ackWaiters = []
    for (const waiter of waiters) if (waiter.fail(cycle, refusal)) this.#ackWaiters.push(waiter)
    this.#finish()
  }

  #finish(): void {
    const count = this.#durableCalls.findIndex(({ cycle }) => cycle > this.#finishedCycle)
    const due = this.#durableCalls.splice(0, count < 0 ? this.#durableCalls.length : count)
    for (const { call } of due) call()
    this.#resumeReaders()
  }

  /** Readers resume in turn, so that none waits for all the packets of another. */
  #resumeReaders(): void {
    for (const reader of [...this.#pausedReaders]) {
      if (this.intake.isSaturated) return
      this.#pausedReaders.delete(reader)
      reader.resume()
    }
  }
}
