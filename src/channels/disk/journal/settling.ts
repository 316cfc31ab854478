/**
 * Moves frames that are still needed out of closed slots into the logs' segments, oldest slot
 * first, so that the slots can be reused. Messages that were delivered by then are never written a
 * second time.
 *
 *     slot synced with its cycles ─▶ frames copied to segments ─▶ segments synced ─▶ slot free
 *
 * It runs beside commits. Two logs at a time at most: the journal's write must never wait behind
 * four syncs in a thread pool of four.
 */

import type { Slot, SlotUser } from './slot.ts'
import { MAX_CLOSED_SLOTS, type SlotPool } from './slot-pool.ts'

const LOGS_AT_A_TIME = 2

export class Settling {
  readonly #slots: SlotPool
  readonly #onFailed: () => void
  #running: Promise<void> | undefined

  /** @param onFailed called after a slot could not be settled, to free space on a full disk */
  constructor(slots: SlotPool, onFailed: () => void) {
    this.#slots = slots
    this.#onFailed = onFailed
  }

  /** Begins in the background once `MAX_CLOSED_SLOTS` slots are closed and needed. */
  begin(): void {
    this.#slots.collect()
    if (this.#slots.unsettled.length >= MAX_CLOSED_SLOTS) this.#run().catch(() => undefined)
  }

  /**
   * Settles the oldest closed slot, or waits until that is done. If an attempt that had begun
   * before fails, it tries again, because the next attempt may go to another file.
   * @throws a system error; the slot is as it was, except for logs that are done
   */
  async settle(): Promise<void> {
    const isDone = await this.#running?.then(
      () => true,
      () => false,
    )
    if (isDone !== true) await this.#run()
  }

  #run(): Promise<void> {
    this.#running ??= this.#settleOldest().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Settles all slots, the current one included, unless it takes too long. */
  async settleAll(isLate: () => boolean): Promise<void> {
    await this.#running?.catch(() => undefined)
    this.#slots.closeCurrent()
    for (const slot of [...this.#slots.closed]) {
      if (isLate()) throw new Error('settling takes too long')
      await this.#settle(slot, isLate)
    }
    if (!isLate()) await this.#settleWithheld()
    this.#slots.collect()
  }

  /** Tries the logs that are set aside. */
  async retry(): Promise<void> {
    await this.#running?.catch(() => undefined)
    if (this.#slots.withheld.length === 0) return
    this.#running ??= this.#settleWithheld().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async close(): Promise<void> {
    await this.#running?.catch(() => undefined)
  }

  async #settleOldest(): Promise<void> {
    for (let slot = this.#oldest(0); slot !== undefined; slot = this.#oldest(MAX_CLOSED_SLOTS)) {
      try {
        await this.#settle(slot)
      } catch (error) {
        this.#onFailed()
        throw error
      }
    }
    await this.#settleWithheld()
  }

  /**
   * The oldest slot to be settled, if there are at least `count`. A commit must not still write to
   * it.
   */
  #oldest(count: number): Slot | undefined {
    this.#slots.collect()
    const ready = this.#slots.unsettled.filter((slot) => !slot.isInCommit)
    return ready.length >= count ? ready[0] : undefined
  }

  async #settle(slot: Slot, isLate = () => false): Promise<void> {
    const mayWithhold = !this.#slots.hasManyWithheld
    const waiting = [...slot.neededBy].filter((log) => !mayWithhold || log.isSetAside !== true)
    const failures: unknown[] = []
    const settleSome = async () => {
      for (let log = waiting.shift(); log !== undefined; log = waiting.shift()) {
        try {
          if (isLate()) throw new Error('settling takes too long')
          await log.settle(slot)
        } catch (error) {
          failures.push(error)
          // Each log of a disk that fails would take its time.
          if (log.isSetAside !== true && failures.length >= LOGS_AT_A_TIME) waiting.length = 0
        }
      }
    }
    await Promise.all(Array.from({ length: LOGS_AT_A_TIME }, settleSome))
    if (failures.length === 0) return
    if (slot.waitsForSettling || !mayWithhold) throw failures[0]
    this.#slots.replaceWithheld()
  }

  /** Tries the logs that are set aside, oldest slot first; each ends at its first failure. */
  async #settleWithheld(): Promise<void> {
    const failed = new Set<SlotUser>()
    for (const slot of this.#slots.withheld) {
      for (const log of [...slot.neededBy]) {
        if (failed.has(log)) continue
        await log.settle(slot).catch(() => failed.add(log))
      }
    }
    this.#slots.collect()
  }
}
