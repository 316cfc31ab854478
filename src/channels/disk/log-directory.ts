/** A log's directory: whether it is there, and whether its names are durable. */
import type { FileLayer } from './file-layer.ts'
import type { WriteFigures } from './write-figures.ts'

export interface LogDirectoryOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly figures: WriteFigures
}

export class LogDirectory {
  readonly #options: LogDirectoryOptions
  #isDirty = false
  #isMade = false

  constructor(options: LogDirectoryOptions) {
    this.#options = options
  }

  /** A name in it was made, changed or removed; durable after the next `sync`. */
  touch(): void {
    this.#isDirty = true
  }

  /** Something failed that may be because the directory is not there any more. */
  doubt(): void {
    this.#isMade = false
  }

  /** A file in it could be opened. */
  trust(): void {
    this.#isMade = true
  }

  async make(): Promise<void> {
    if (this.#isMade) return
    await this.#options.files.makeDirectory(this.#options.directory)
    this.#isMade = true
  }

  async sync(): Promise<void> {
    if (!this.#isDirty) return
    this.#isDirty = false
    try {
      this.#options.figures.syncs++
      await this.#options.files.syncDirectory(this.#options.directory)
    } catch (error) {
      this.#isDirty = true
      throw error
    }
  }
}
