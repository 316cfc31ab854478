/**
 * The free bytes of the file system with the data. A file system may take its time to answer, so
 * the figure is that of the last answer, and one question is under way at most.
 */
import { statfs } from 'node:fs/promises'

export class FreeSpace {
  readonly #directory: string | undefined
  #bytes: number | undefined
  #isAsking = false

  /** @param directory undefined if nothing is stored on disk */
  constructor(directory: string | undefined) {
    this.#directory = directory
  }

  /** Undefined if it is not known. */
  get bytes(): number | undefined {
    return this.#bytes
  }

  async refresh(): Promise<void> {
    if (this.#directory === undefined || this.#isAsking) return
    this.#isAsking = true
    try {
      const { bavail, bsize } = await statfs(this.#directory)
      this.#bytes = bavail * bsize
    } catch {
      // The state of storage says what is wrong with the disk.
      this.#bytes = undefined
    } finally {
      this.#isAsking = false
    }
  }
}
