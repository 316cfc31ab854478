/**
 * Removes files for good, one after the other. After a loss of power a removed file may be there
 * again, beside the file that has taken its room; so its room is used again only once the directory
 * is synced.
 */
import { systemCodeOf } from '../../../errors.ts'
import { SerialQueue } from '../../../serial-queue.ts'
import type { DiskSpace } from './disk-space.ts'
import type { FileLayer } from './file-layer.ts'

/** Files that are removed together. */
export interface Removable {
  readonly paths: readonly string[]
  /** Of all of them. */
  readonly bytes: number
  /** Closes those that are open. */
  close(): Promise<void>
}

export interface RemovalsOptions {
  readonly files: FileLayer
  /** Where the files are. */
  readonly directory: string
  readonly space: DiskSpace
  /** Shared with everything that must not happen while files are removed. */
  readonly queue?: SerialQueue
}

interface Pending {
  readonly removable: Removable
  isCounted: boolean
}

export class Removals {
  readonly #options: RemovalsOptions
  readonly #queue: SerialQueue
  readonly #pending: Pending[] = []

  constructor(options: RemovalsOptions) {
    this.#options = options
    this.#queue = options.queue ?? new SerialQueue()
  }

  /**
   * Removes files whose bytes were released. If that fails, it counts the bytes again until a later
   * removal succeeds. Older failures are retried first: a segment's end is recorded only in the
   * next segment's name, so files must go in order.
   * @throws a system error; the next removal tries again
   */
  remove(removable: Removable): Promise<void> {
    this.#pending.push({ removable, isCounted: false })
    return this.#queue.run(async () => {
      try {
        await this.#removeInOrder()
        this.#options.space.noteRemoval(this, true)
      } catch (error) {
        this.#options.space.noteRemoval(this, false)
        for (const one of this.#pending) this.#count(one)
        throw error
      }
    })
  }

  /** A file that could not be removed is about to be rewritten; the writer counts its bytes. */
  cancel(path: string): Promise<void> {
    return this.#queue.run(async () => {
      const index = this.#pending.findIndex(({ removable }) => removable.paths.includes(path))
      const [found] = index < 0 ? [] : this.#pending.splice(index, 1)
      if (found?.isCounted) this.#options.space.release(found.removable.bytes)
    })
  }

  async #removeInOrder(): Promise<void> {
    const { files, directory, space } = this.#options
    // Files that are added meanwhile have a turn of their own.
    const removed = [...this.#pending]
    if (removed.length === 0) return
    for (const { removable } of removed) {
      await removable.close()
      for (const path of removable.paths) await files.remove(path)
    }
    await space.syncs.run(() => syncIfThere(files, directory))
    this.#pending.splice(0, removed.length)
    for (const { removable, isCounted } of removed) if (isCounted) space.release(removable.bytes)
  }

  #count(one: Pending): void {
    if (!one.isCounted) this.#options.space.count(one.removable.bytes)
    one.isCounted = true
  }
}

/** Syncs a directory; if it is gone, so are the files in it. @throws a system error */
export async function syncIfThere(files: FileLayer, directory: string): Promise<void> {
  try {
    await files.syncDirectory(directory)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
  }
}
