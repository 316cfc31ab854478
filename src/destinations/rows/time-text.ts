/**
 * Times as `2026-01-31T12:00:00.123Z`. Messages of a batch mostly arrived in the same second, so
 * its text is kept and only the milliseconds are written.
 */
import { copyBytes } from './growing-buffer.ts'

const ZERO = 0x30
const LETTER_Z = 0x5a
/** The bounds of `Date`. */
const MAX_TIME_MS = 8.64e15
/** `+275760-09-13T00:00:00.000Z` */
export const MAX_TIME_BYTES = 27

export class TimeWriter {
  #second = Number.NaN
  #prefix: Buffer = Buffer.alloc(0)

  /** Writes `MAX_TIME_BYTES` at most. */
  write(timeMs: number, target: Buffer, at: number): number {
    const time = Math.max(-MAX_TIME_MS, Math.min(Math.floor(timeMs), MAX_TIME_MS))
    const second = Math.floor(time / 1_000)
    if (second !== this.#second) {
      this.#prefix = Buffer.from(new Date(time).toISOString().slice(0, -4))
      this.#second = second
    }
    const end = copyBytes(this.#prefix, 0, this.#prefix.length, target, at)
    const milliseconds = time - second * 1_000
    const tens = (milliseconds / 10) | 0
    const hundreds = (tens / 10) | 0
    target[end] = ZERO + hundreds
    target[end + 1] = ZERO + (tens - hundreds * 10)
    target[end + 2] = ZERO + (milliseconds - tens * 10)
    target[end + 3] = LETTER_Z
    return end + 4
  }
}
