import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock, type Timer } from '../../src/clock.ts'
import { ShiftedClock } from './shifted-clock.ts'

const STEP_MS = 1_000

interface Pending {
  readonly dueAt: number
  readonly call: () => void
  readonly timer: Timer
}

/** The system's clock, which a test can move on; waits that are over by then end at once. */
export class SkippingClock extends ShiftedClock {
  readonly #pending = new Set<Pending>()

  override after(delayMs: number, call: () => void): Timer {
    const run = () => {
      this.#pending.delete(pending)
      call()
    }
    const timer = systemClock.after(delayMs, run)
    const pending: Pending = { dueAt: this.monotonic() + delayMs, call: run, timer }
    this.#pending.add(pending)
    return {
      cancel: () => {
        this.#pending.delete(pending)
        timer.cancel()
      },
    }
  }

  async skip(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.shift(STEP_MS)
      for (const { dueAt, call, timer } of [...this.#pending]) {
        if (dueAt > this.monotonic()) continue
        timer.cancel()
        call()
      }
      await nextTurn()
    }
  }
}
