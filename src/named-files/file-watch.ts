/**
 * Notices changes to a set of files. It polls instead of asking the system for events, because
 * polling also sees files that are replaced, mounted or linked to another file, on every file
 * system.
 */
import { stat } from 'node:fs/promises'
import type { Clock, Timer } from '../clock.ts'

export interface FileWatchOptions {
  readonly paths: readonly string[]
  readonly clock: Clock
  readonly intervalMs: number
  /** Called when the files have changed and then stayed the same for one interval. */
  readonly onChange: () => Promise<void>
}

export class FileWatch {
  readonly #options: FileWatchOptions
  #timer: Timer | undefined
  #isStopped = false
  #seen: string | undefined
  /** A change that the last check found and that has not been reported. */
  #changedTo: string | undefined

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    if (this.#options.paths.length === 0) return
    this.#seen = await this.#look()
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Call it before reading the files: their present state counts as seen. */
  async markSeen(): Promise<void> {
    this.#seen = await this.#look()
    this.#changedTo = undefined
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#timer = this.#options.clock.after(this.#options.intervalMs, () => {
      void this.#check().finally(() => this.#schedule())
    })
  }

  async #check(): Promise<void> {
    const now = await this.#look()
    if (now === this.#seen) {
      this.#changedTo = undefined
      return
    }
    // The file may still be being written: only a state that lasts for an interval counts.
    if (now !== this.#changedTo) {
      this.#changedTo = now
      return
    }
    this.#seen = now
    this.#changedTo = undefined
    await this.#options.onChange()
  }

  async #look(): Promise<string> {
    const marks = this.#options.paths.map(async (path) => {
      try {
        const { ino, size, mtimeMs } = await stat(path)
        return `${ino} ${size} ${mtimeMs}`
      } catch {
        return 'not there'
      }
    })
    return (await Promise.all(marks)).join('|')
  }
}
