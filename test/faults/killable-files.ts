/**
 * The files of a process that is killed in the middle of a call to its disk: the call happens,
 * happens partly or does not, and no call follows. Written bytes stay in the system's cache.
 */
import { join } from 'node:path'
import type {
  DirectoryEntry,
  FileLayer,
  OpenFile,
  OpenMode,
} from '../../src/channels/disk/files/file-layer.ts'
import type { SimulatedDisk } from '../support/disk/simulated-disk.ts'

/** When files were written, by path. The simulated disk does not record that. */
export interface FileTimes {
  readonly now: () => number
  readonly writtenAt: Map<string, number>
}

export class KillableFiles implements FileLayer {
  /** The number of the call at which the process is killed. */
  killedAt = Number.POSITIVE_INFINITY
  calls = 0
  isDead = false
  readonly #disk: SimulatedDisk
  readonly #random: () => number
  readonly #times: FileTimes

  constructor(disk: SimulatedDisk, random: () => number, times: FileTimes) {
    this.#disk = disk
    this.#random = random
    this.#times = times
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call(() => this.#disk.makeDirectory(path))
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    const entries = await this.#call(() => this.#disk.list(path))
    const { now, writtenAt } = this.#times
    return entries.map((entry) => {
      return { ...entry, modifiedAt: writtenAt.get(join(path, entry.name)) ?? now() }
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(() => this.#disk.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#call(() => this.#disk.remove(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call(() => this.#disk.syncDirectory(path))
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    const file = await this.#call(() => this.#disk.open(path, mode))
    return {
      write: (bytes, start, end, position) => {
        this.#times.writtenAt.set(path, this.#times.now())
        return this.#call(
          () => file.write(bytes, start, end, position),
          () => {
            // The system completes what it has begun, but it may have begun with a part.
            const partly = start + Math.floor(this.#random() * (end - start + 1))
            return file.write(bytes, start, partly, position)
          },
        )
      },
      read: (into, length, position) => this.#call(() => file.read(into, length, position)),
      sync: () => this.#call(() => file.sync()),
      truncate: (bytes) => this.#call(() => file.truncate(bytes)),
      bytes: () => this.#call(() => file.bytes()),
      close: () => file.close(),
    }
  }

  async #call<T>(ask: () => Promise<T>, askPartly?: () => Promise<unknown>): Promise<T> {
    if (this.isDead) throw killed()
    if (this.calls++ < this.killedAt) return ask()
    this.isDead = true
    const luck = this.#random()
    if (luck < 0.4) await ask()
    else if (luck < 0.7) await askPartly?.()
    throw killed()
  }
}

function killed(): Error {
  return Object.assign(new Error('the process was killed'), { code: 'EKILLED' })
}
