/**
 * Which limits have refused or dropped a message and still have no room for it. A limit is met
 * until there is evidence of room; that no message comes is none.
 */
import type { RoomLimit } from '../../errors.ts'
import type { LogStore } from '../log/channel-log.ts'
import type { MemoryBudget } from '../log/memory-budget.ts'

/** The room that channels have. */
export interface Rooms {
  readonly store: Pick<LogStore, 'bytes' | 'historyBytes' | 'maxBytes'>
  readonly budget: Pick<MemoryBudget, 'fits'>
  readonly channels: Iterable<{ readonly backlog: number }>
  readonly bounds: { readonly maxBacklogMessages: number }
  readonly hasPlaceForOneMore: () => boolean
}

export class LimitHits {
  /**
   * Since the start, by error code, how often a message was not taken and stayed with its sender,
   * which offers it again.
   */
  readonly withheld = new Map<string, number>()
  readonly #rooms: Rooms
  /** By limit, the bytes that the last message needed. */
  readonly #hits = new Map<RoomLimit, number>()

  constructor(rooms: Rooms) {
    this.#rooms = rooms
  }

  /** A message of `bytes` met the limit. */
  hit(limit: RoomLimit, bytes: number): void {
    this.#hits.set(limit, bytes)
  }

  withhold(code: string): void {
    this.withheld.set(code, (this.withheld.get(code) ?? 0) + 1)
  }

  /** The limits that still have no room; the others are forgotten. */
  stillMet(): RoomLimit[] {
    for (const [limit, bytes] of this.#hits) {
      if (!this.#isMet(limit, bytes)) this.#hits.delete(limit)
    }
    return [...this.#hits.keys()]
  }

  #isMet(limit: RoomLimit, bytes: number): boolean {
    const { store, budget, hasPlaceForOneMore } = this.#rooms
    if (limit === 'StorageFull') {
      return store.bytes - (store.historyBytes ?? 0) + bytes > store.maxBytes
    }
    if (limit === 'MemoryFull') return !budget.fits(bytes)
    return limit === 'QueueFull' ? this.#hasFullQueue() : !hasPlaceForOneMore()
  }

  #hasFullQueue(): boolean {
    const { channels, bounds } = this.#rooms
    for (const { backlog } of channels) if (backlog >= bounds.maxBacklogMessages) return true
    return false
  }
}
