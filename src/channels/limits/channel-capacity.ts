/**
 * Whether a channel has room for one message more, and whom the drop behaviour sends away when it
 * has not (Specification, `IotAnalyticsQueueDropBehavior`). Three bounds: messages per channel,
 * bytes in memory, bytes on disk.
 *
 * | bound        | DROP_NEWEST      | DROP_OLDEST drops                                           |
 * |--------------|------------------|-------------------------------------------------------------|
 * | queue size   | refuses newcomer | one message, the oldest that is not in flight               |
 * | MemorySize   | refuses newcomer | the oldest not in flight, as many as make room              |
 * | storage size | refuses newcomer | what keeps the oldest file; newcomers are refused meanwhile |
 *
 * With nothing to drop, because all is in flight, the newcomer goes. A newcomer that the storage
 * size refuses may be taken later (`StorageFull`); one that another bound refuses is refused for good.
 */
import type { Refusal } from '../../message.ts'
import type { Cursor } from '../cursors/cursor.ts'
import type { ChannelLog, LogStore } from '../log/channel-log.ts'
import type { MemoryBudget } from '../log/memory-budget.ts'
import {
  type DropBehavior,
  droppedFromFullStorage,
  memoryFull,
  queueFull,
  storageFull,
} from './limit-refusals.ts'

export interface ChannelCapacityOptions {
  readonly log: ChannelLog
  readonly cursors: readonly Cursor[]
  readonly store: LogStore
  readonly budget: MemoryBudget
  readonly maxBacklogMessages: number
  readonly dropBehavior: DropBehavior
  /** Drops free messages `from ≤ x < to` of one reader. */
  readonly drop: (cursor: Cursor, from: number, to: number, refusal: Refusal) => void
}

export class ChannelCapacity {
  readonly #options: ChannelCapacityOptions
  /** Made once: a flood of refusals is to cost nothing. */
  readonly #queueFull: Refusal
  readonly #storageFull: Refusal
  readonly #droppedFromFullStorage: Refusal
  readonly #memoryFull: Refusal

  constructor(options: ChannelCapacityOptions) {
    this.#options = options
    const { log, maxBacklogMessages, dropBehavior, store, budget } = options
    this.#queueFull = queueFull(log.channel, maxBacklogMessages, dropBehavior)
    this.#storageFull = storageFull(log.channel, store.maxBytes)
    this.#droppedFromFullStorage = droppedFromFullStorage(log.channel, store.maxBytes)
    this.#memoryFull = memoryFull(log.channel, budget.maxBytes, dropBehavior)
  }

  /** Messages that the slowest reader has not settled. */
  get backlog(): number {
    const { cursors, log } = this.#options
    let backlog = 0
    for (const cursor of cursors) {
      const unsettled = cursor.position.unsettled(log.end)
      if (unsettled > backlog) backlog = unsettled
    }
    return backlog
  }

  /** Undefined when there is room for `bytes` more, if need be because older messages went. */
  makeRoom(bytes: number): Refusal | undefined {
    const { log, store, budget, maxBacklogMessages } = this.#options
    // Bytes first: who is refused for them anyway must not cost an older message its place.
    if (log.isVolatile) {
      if (!budget.fits(bytes) && !this.#makeRoomInMemory(bytes)) return this.#memoryFull
    } else if (store.bytes + bytes > store.maxBytes && !store.makeRoom(bytes)) {
      this.#startDroppingOldestFile()
      return this.#storageFull
    }
    if (this.backlog >= maxBacklogMessages && !this.#makeRoomInQueue()) return this.#queueFull
    return undefined
  }

  #makeRoomInQueue(): boolean {
    const { cursors, log, maxBacklogMessages, dropBehavior, drop } = this.#options
    if (dropBehavior === 'DROP_NEWEST') return false
    const full = cursors.filter((cursor) => {
      return cursor.position.unsettled(log.end) >= maxBacklogMessages
    })
    if (full.some((cursor) => cursor.position.oldestFree >= log.end)) return false
    // The primary last: when all others are done with a message, it can be handed over at once.
    for (const cursor of full.reverse()) {
      const oldest = cursor.position.oldestFree
      drop(cursor, oldest, oldest + 1, this.#queueFull)
    }
    return true
  }

  #makeRoomInMemory(bytes: number): boolean {
    const { log, store, budget, dropBehavior } = this.#options
    if (store.makeRoom(bytes)) return true
    if (dropBehavior === 'DROP_NEWEST') return false
    // What others hold can't be dropped from here: nobody goes in vain.
    if (budget.held - log.memoryBytes + bytes > budget.maxBytes) return false
    while (!budget.fits(bytes)) {
      if (!this.#dropOldestEverywhere()) return false
    }
    return true
  }

  /** Drops the oldest message that no reader has in flight, for all that have not settled it. */
  #dropOldestEverywhere(): boolean {
    const { cursors, log, drop } = this.#options
    const oldest = this.#oldestNotInFlight()
    if (oldest >= log.end) return false
    for (const cursor of [...cursors].reverse()) {
      if (!cursor.position.isSettled(oldest)) drop(cursor, oldest, oldest + 1, this.#memoryFull)
    }
    return true
  }

  #oldestNotInFlight(): number {
    const { cursors, log } = this.#options
    for (let from = log.start; ; from += 1) {
      let oldest = log.end
      for (const { position } of cursors) oldest = Math.min(oldest, position.freeFrom(from))
      if (oldest >= log.end) return log.end
      if (!cursors.some(({ position }) => position.isInFlight(oldest))) return oldest
      from = oldest
    }
  }

  /** Only a whole file gives room on disk, and not before its messages' senders are told. */
  #startDroppingOldestFile(): void {
    const { cursors, log, dropBehavior, drop } = this.#options
    const end = log.nextReclaim
    if (dropBehavior === 'DROP_NEWEST' || end > log.committed || end >= log.end) return
    for (const cursor of cursors) {
      for (let from = cursor.position.oldestFree; from < end; from = cursor.position.oldestFree) {
        const to = cursor.position.freeUntil(from, end)
        drop(cursor, from, to, this.#droppedFromFullStorage)
      }
    }
  }
}
