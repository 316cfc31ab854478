/**
 * Moves what is still needed of closed slots to the logs' segments, oldest slot first, so that the
 * slots can be used again. What was delivered before is never written a second time.
 *
 *     slot synced with its cycles ─▶ frames copied to segments ─▶ segments synced ─▶ slot free
 *
 * It runs beside commits. Two logs at a time at most: the journal's write must never wait behind
 * four syncs in a thread pool of four.
 */

import type { Slot } from './slot.ts'
import { MAX_CLOSED_SLOTS, type SlotPool } from './slot-pool.ts'

const LOGS_AT_A_TIME = 2

export class Settling {
  readonly #slots: SlotPool
  readonly #onFull: () => void
  #running: Promise<void> | undefined

  /** @param onFull called after a slot could not be settled: gives back what is worth less. */
  constructor(slots: SlotPool, onFull: () => void) {
    this.#slots = slots
    this.#onFull = onFull
  }

  /** Begins in the background when as many slots are closed as may be. */
  begin(): void {
    this.#slots.released()
    if (this.#slots.waiting.length >= MAX_CLOSED_SLOTS) this.#run().catch(() => undefined)
  }

  /**
   * Settles the oldest closed slot, or waits until that is done. An attempt that had begun before, and
   * fails, is no answer: the next one may go to another file.
   * @throws a system error; the slot is as it was then, but for logs that are done
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

  /** Settles everything that is needed, the current slot included, unless it takes too long. */
  async settleAll(isLate: () => boolean): Promise<void> {
    await this.#running?.catch(() => undefined)
    this.#slots.closeCurrent()
    for (const slot of [...this.#slots.closed]) {
      if (isLate()) throw new Error('settling takes too long')
      await this.#settle(slot)
    }
    this.#slots.released()
  }

  async close(): Promise<void> {
    await this.#running?.catch(() => undefined)
  }

  async #settleOldest(): Promise<void> {
    for (let slot = this.#oldest(0); slot !== undefined; slot = this.#oldest(MAX_CLOSED_SLOTS)) {
      try {
        await this.#settle(slot)
      } catch (error) {
        this.#onFull()
        throw error
      }
    }
  }

  /** The oldest slot that is needed, if there are at least `count`. What a commit still writes is not ripe. */
  #oldest(count: number): Slot | undefined {
    this.#slots.released()
    const ripe = this.#slots.waiting.filter((slot) => !slot.isInCommit)
    return ripe.length >= count ? ripe[0] : undefined
  }

  async #settle(slot: Slot): Promise<void> {
    const waiting = [...slot.neededBy]
    const settleSome = async () => {
      for (let log = waiting.shift(); log !== undefined; log = waiting.shift()) {
        await log.settle(slot)
      }
    }
    const ended = await Promise.allSettled(Array.from({ length: LOGS_AT_A_TIME }, settleSome))
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }
}
