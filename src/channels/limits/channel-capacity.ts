/**
 * Whether a channel has room for one more message, and which message the drop behaviour gives up if
 * it has not (Specification, `IotAnalyticsQueueDropBehavior`). There are three limits: messages per
 * channel, bytes in memory, bytes on disk.
 *
 * | limit        | DROP_NEWEST             | DROP_OLDEST                                          |
 * |--------------|-------------------------|------------------------------------------------------|
 * | queue size   | refuses the new message | drops one message, the oldest that is not in flight  |
 * | MemorySize   | refuses the new message | drops the oldest not in flight, until there is room  |
 * | storage size | refuses the new message | drops the messages of the oldest file; until it is   |
 * |              |                         | removed, new messages are refused                    |
 *
 * If nothing can be dropped, because all messages are in flight, the new message is refused. A
 * message that the storage size refuses may be taken later (`StorageFull`); the other limits refuse
 * for good.
 */
import type { Refusal } from '../../message.ts'
import type { Cursor } from '../cursors/cursor.ts'
import type { ChannelLog, LogStore } from '../log/channel-log.ts'
import type { MemoryBudget } from '../log/memory-budget.ts'
import type { LimitHits } from './limit-hits.ts'
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
  /** Learns which limits are met. */
  readonly hits: LimitHits
  readonly maxBacklogMessages: number
  readonly dropBehavior: DropBehavior
  /** Drops free messages `from ≤ x < to` of one cursor. */
  readonly drop: (cursor: Cursor, from: number, to: number, refusal: Refusal) => void
}

export class ChannelCapacity {
  readonly #options: ChannelCapacityOptions
  /** Made once, so that a flood of refusals allocates nothing. */
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

  /** Messages that the slowest cursor has not settled. */
  get backlog(): number {
    const { cursors, log } = this.#options
    let backlog = 0
    for (const cursor of cursors) {
      const unsettled = cursor.position.unsettled(log.end)
      if (unsettled > backlog) backlog = unsettled
    }
    return backlog
  }

  /** Makes room for `bytes` more, if necessary by dropping older messages; or says why it can't. */
  makeRoom(bytes: number): Refusal | undefined {
    const { log, store, budget, hits, maxBacklogMessages } = this.#options
    // Bytes first: if a message is refused for its bytes, no older one must be dropped for it.
    if (log.isVolatile) {
      if (!budget.fits(bytes) && !this.#makeRoomInMemory(bytes)) return this.#memoryFull
    } else if (store.bytes + bytes > store.maxBytes && !store.makeRoom(bytes)) {
      this.#startDroppingOldestFile()
      hits.hit('StorageFull', bytes)
      return this.#storageFull
    }
    if (this.backlog < maxBacklogMessages) return undefined
    hits.hit('QueueFull', bytes)
    return this.#makeRoomInQueue() ? undefined : this.#queueFull
  }

  #makeRoomInQueue(): boolean {
    const { cursors, log, maxBacklogMessages, dropBehavior, drop } = this.#options
    if (dropBehavior === 'DROP_NEWEST') return false
    const full = cursors.filter((cursor) => {
      return cursor.position.unsettled(log.end) >= maxBacklogMessages
    })
    if (full.some((cursor) => cursor.position.oldestFree >= log.end)) return false
    // The primary last: if all others have settled the message, its sender is reported at once.
    for (const cursor of full.reverse()) {
      const oldest = cursor.position.oldestFree
      drop(cursor, oldest, oldest + 1, this.#queueFull)
    }
    return true
  }

  #makeRoomInMemory(bytes: number): boolean {
    const { log, store, budget, hits, dropBehavior } = this.#options
    if (store.makeRoom(bytes)) return true
    hits.hit('MemoryFull', bytes)
    if (dropBehavior === 'DROP_NEWEST') return false
    // Bytes of other channels can't be dropped here. If those are too many, drop nothing.
    if (budget.held - log.memoryBytes + bytes > budget.maxBytes) return false
    while (!budget.fits(bytes)) {
      if (!this.#dropOldestEverywhere()) return false
    }
    return true
  }

  /**
   * Drops the oldest message that no cursor has in flight, for all cursors that have not settled
   * it.
   */
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

  /** Only a whole file gives space back, after its dropped messages have been reported. */
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
