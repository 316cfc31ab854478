/**
 * Which of a channel's waiting messages go next. `live-first` keeps a line in the log. Messages
 * that waited when sending began, or began again after a failure, are below it: they are the
 * backlog and are sent after messages that have arrived since.
 *
 *          backlog, oldest first           live, oldest first
 *     ──────────────────────────────│────────────────────────────▶ offsets
 *                                 line            a due batch from here goes first
 */
import type { Cursor } from '../channels/cursors/cursor.ts'
import type { WaitingMessages } from './batches/batch-due.ts'

export type CatchUpOrder = 'backlog-first' | 'live-first'

export class CatchUp {
  readonly #cursor: Cursor
  readonly #isLiveFirst: boolean
  #line = 0

  constructor(cursor: Cursor, order: CatchUpOrder) {
    this.#cursor = cursor
    this.#isLiveFirst = order === 'live-first'
  }

  /** Sending begins, or begins again: all messages that wait now are backlog. */
  begin(): void {
    this.#line = this.#cursor.readableEnd
  }

  /** Where the next batch begins; `isDue` says whether the waiting messages are a batch yet. */
  nextFrom(isDue: (waiting: WaitingMessages) => boolean): number {
    if (!this.#isLiveFirst) return 0
    const live = this.#cursor.waitingFrom(this.#line)
    return live.count > 0 && isDue(live) ? this.#line : 0
  }
}
