/** Since when the level of the verdict is what it is, as far as somebody has looked. */
import type { Level } from '../../http/api/shapes/basics.ts'

export class LevelHistory {
  #level: Level = 'ok'
  #since: number

  /** @param startedAt milliseconds since 1970 */
  constructor(startedAt: number) {
    this.#since = startedAt
  }

  /** Returns since when, in milliseconds since 1970. */
  note(level: Level, nowMs: number): number {
    if (level !== this.#level) {
      this.#level = level
      this.#since = nowMs
    }
    return this.#since
  }
}
