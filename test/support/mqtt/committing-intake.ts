/**
 * An Intake that stores nothing: takes up to a number of messages a cycle, then is saturated until
 * the cycle is committed at the end of the event loop's turn, like a disk that costs nothing.
 */

import type { CommitListener, Intake, Route } from '../../../src/sources/source.ts'

const ROUTE: Route = { kind: 'binary' }

export class CommittingIntake implements Intake {
  /** Taken so far. */
  messages = 0
  /** Committed so far. */
  cycles = 0
  readonly #maxPerCycle: number
  #inCycle = 0
  #listener: CommitListener | undefined

  constructor(maxPerCycle = Number.POSITIVE_INFINITY) {
    this.#maxPerCycle = maxPerCycle
  }

  readonly isCollecting = false
  get isSaturated(): boolean {
    return this.#inCycle >= this.#maxPerCycle
  }

  route(topic: string): Route | undefined {
    return topic.startsWith('iotanalytics/') ? ROUTE : undefined
  }

  accept(): number {
    this.messages++
    if (this.#inCycle++ === 0) setImmediate(() => this.#commit())
    return this.cycles
  }

  refuse(): void {}

  listen(listener: CommitListener): void {
    this.#listener = listener
  }

  #commit(): void {
    this.#inCycle = 0
    this.#listener?.committed(this.cycles++)
  }
}
