/** Fills the files of slots with zeros in the background, in steps, so that commits are not delayed. */
import type { Clock } from '../../../clock.ts'
import type { OpenFile } from '../files/file-layer.ts'

/** Between two pauses, and two syncs. */
const STEP_BYTES = 256 * 1024
/**
 * The kernel keeps a file in pieces of the size it was written in, and a small commit rewrites a
 * whole one.
 */
const WRITE_BYTES = 64 * 1024
const PAUSE_MS = 50

export class ZeroFilling {
  readonly #clock: Clock
  #isStopped = false
  #isHurried = false
  #endPause: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Ends the filling under way as soon as possible. */
  stop(): void {
    this.#isStopped = true
    this.#endPause?.()
  }

  /** Makes no further pauses, until `calm`. */
  hurry(): void {
    this.#isHurried = true
    this.#endPause?.()
  }

  calm(): void {
    this.#isHurried = false
  }

  async fill(file: OpenFile, bytes: number): Promise<void> {
    const zeros = Buffer.alloc(Math.min(WRITE_BYTES, bytes))
    for (let at = 0; at < bytes && !this.#isStopped; at += zeros.length) {
      await file.write(zeros, 0, Math.min(zeros.length, bytes - at), at)
      if ((at + zeros.length) % STEP_BYTES !== 0 && at + zeros.length < bytes) continue
      // In steps, because one sync of the whole file would delay commits.
      await file.sync()
      if (!this.#isHurried && !this.#isStopped) await this.#pause()
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(PAUSE_MS, resolve)
      this.#endPause = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
