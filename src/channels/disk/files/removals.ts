/**
 * Removes files for good, one after the other. A name that was only removed may be there again after
 * a loss of power, beside what took the file's room; so that room is used again only once the directory
 * is synced.
 */
import { systemCodeOf } from '../../../errors.ts'
import { SerialQueue } from '../../../serial-queue.ts'
import type { DiskSpace } from './disk-space.ts'
import type { FileLayer } from './file-layer.ts'

/** Files that go together. */
export interface Removable {
  readonly paths: readonly string[]
  /** Of all of them. */
  readonly bytes: number
  /** Closes what is open of them. */
  close(): Promise<void>
}

export interface RemovalsOptions {
  readonly files: FileLayer
  /** Where the files are. */
  readonly directory: string
  readonly space: DiskSpace
  /** What must not happen while files go, shares it. */
  readonly turns?: SerialQueue
}

interface Waiting {
  readonly removable: Removable
  isCounted: boolean
}

export class Removals {
  readonly #options: RemovalsOptions
  readonly #turns: SerialQueue
  readonly #waiting: Waiting[] = []

  constructor(options: RemovalsOptions) {
    this.#options = options
    this.#turns = options.turns ?? new SerialQueue()
  }

  /**
   * Removes files whose bytes were given back: as long as that fails they are counted again. Those it
   * failed for before go first, for where a segment ends is said by the next one's name alone.
   * @throws a system error; the next removal tries again
   */
  remove(removable: Removable): Promise<void> {
    this.#waiting.push({ removable, isCounted: false })
    return this.#turns.run(async () => {
      try {
        await this.#removeInOrder()
      } catch (error) {
        for (const one of this.#waiting) this.#count(one)
        throw error
      }
    })
  }

  /** A file that could not be removed is about to be rewritten: its bytes are counted by others. */
  takeBack(path: string): Promise<void> {
    return this.#turns.run(async () => {
      const index = this.#waiting.findIndex(({ removable }) => removable.paths.includes(path))
      const [found] = index < 0 ? [] : this.#waiting.splice(index, 1)
      if (found?.isCounted) this.#options.space.giveBack(found.removable.bytes)
    })
  }

  async #removeInOrder(): Promise<void> {
    const { files, directory, space } = this.#options
    // Those that come meanwhile have a turn of their own.
    const going = [...this.#waiting]
    if (going.length === 0) return
    for (const { removable } of going) {
      await removable.close()
      for (const path of removable.paths) await files.remove(path)
    }
    await space.syncs.run(() => syncIfThere(files, directory))
    this.#waiting.splice(0, going.length)
    for (const { removable, isCounted } of going) if (isCounted) space.giveBack(removable.bytes)
  }

  #count(one: Waiting): void {
    if (!one.isCounted) this.#options.space.count(one.removable.bytes)
    one.isCounted = true
  }
}

/** What was in a directory that is gone is gone as well. @throws a system error */
export async function syncIfThere(files: FileLayer, directory: string): Promise<void> {
  try {
    await files.syncDirectory(directory)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
  }
}
