/**
 * Which of a channel's waiting messages go next. `live-first` keeps a line in the log: what waited
 * when sending began, or began again after a failure, lies below it and is sent behind what has
 * arrived since.
 *
 *          backlog, oldest first           live, oldest first
 *     ──────────────────────────────│────────────────────────────▶ offsets
 *                                 line            a due batch from here goes before all else
 */
import type { Cursor } from '../channels/cursors/cursor.ts'
import type { WaitingMessages } from './batch-due.ts'

export type CatchUpOrder = 'backlog-first' | 'live-first'

export class CatchUp {
  readonly #cursor: Cursor
  readonly #isLiveFirst: boolean
  #line = 0

  constructor(cursor: Cursor, order: CatchUpOrder) {
    this.#cursor = cursor
    this.#isLiveFirst = order === 'live-first'
  }

  /** Sending begins, or begins again: what waits now is backlog. */
  begin(): void {
    this.#line = this.#cursor.readableEnd
  }

  /** Where the next batch is to be taken from; `isDue` says whether so much is a batch yet. */
  nextFrom(isDue: (waiting: WaitingMessages) => boolean): number {
    if (!this.#isLiveFirst) return 0
    const live = this.#cursor.waitingFrom(this.#line)
    return live.count > 0 && isDue(live) ? this.#line : 0
  }
}
