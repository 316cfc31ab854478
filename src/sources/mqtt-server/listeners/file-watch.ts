/**
 * Tells when one of some files has changed. It looks at them once in a while instead of asking the
 * system for events: that also sees files that are replaced, mounted or linked to something new, on
 * every file system.
 */
import { stat } from 'node:fs/promises'
import type { Clock, Timer } from '../../../clock.ts'

export interface FileWatchOptions {
  readonly paths: readonly string[]
  readonly clock: Clock
  readonly intervalMs: number
  /** Called when the files have changed and then been left alone for one interval. */
  readonly onChange: () => Promise<void>
}

export class FileWatch {
  readonly #options: FileWatchOptions
  #timer: Timer | undefined
  #isStopped = false
  #seen: string | undefined
  /** Seen at the last look, and not yet told. */
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

  /** The files as they are now have been read. */
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
    // Somebody may be in the middle of it: only what stays for an interval counts.
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
