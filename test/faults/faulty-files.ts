/**
 * The real file system with faults on order: calls that fail, a quota that is met, and a journal of
 * everything that is asked of it. Stands in the place of `nodeFileLayer` in `hub-host.ts`.
 */
import type {
  DirectoryEntry,
  FileLayer,
  OpenFile,
  OpenMode,
} from '../../src/channels/disk/file-layer.ts'
import type { DiskJournal } from './disk-journal.ts'

export type FailingCall = 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'read'

export interface DiskOrders {
  /** Calls that fail, how many of them (0 to 1), and with which code. */
  readonly failing?: readonly FailingCall[]
  readonly share?: number
  readonly code?: 'EIO' | 'EROFS' | 'ENOSPC'
  /** Bytes that may still be written; a write beyond them is cut there and fails with ENOSPC. */
  readonly roomBytes?: number
}

export class FaultyFiles implements FileLayer {
  orders: DiskOrders = {}
  readonly #real: FileLayer
  readonly #journal: DiskJournal | undefined
  #written = 0

  constructor(real: FileLayer, journal?: DiskJournal) {
    this.#real = real
    this.#journal = journal
  }

  order(orders: DiskOrders): void {
    this.orders = orders
    this.#written = 0
  }

  async makeDirectory(path: string): Promise<void> {
    this.#refuse('open', path)
    await this.#real.makeDirectory(path)
    this.#journal?.note({ call: 'makeDirectory', path })
  }

  list(path: string): Promise<readonly DirectoryEntry[]> {
    return this.#real.list(path)
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    if (mode !== 'read') this.#refuse('open', path)
    const file = await this.#real.open(path, mode)
    if (mode === 'read') return this.#reading(file, path)
    const id = this.#journal?.newId() ?? 0
    this.#journal?.note({ call: 'open', path, mode, id })
    return this.#writing(file, path, id)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#refuse('rename', from)
    await this.#real.rename(from, to)
    this.#journal?.note({ call: 'rename', path: from, to })
  }

  async remove(path: string): Promise<void> {
    this.#refuse('remove', path)
    await this.#real.remove(path)
    this.#journal?.note({ call: 'remove', path })
  }

  async syncDirectory(path: string): Promise<void> {
    this.#refuse('sync', path)
    const id = this.#journal?.newId() ?? 0
    this.#journal?.note({ call: 'syncDirectory', path, id })
    await this.#real.syncDirectory(path)
    this.#journal?.note({ call: 'synced', id })
  }

  #reading(file: OpenFile, path: string): OpenFile {
    return {
      ...withoutWriting(file),
      read: (into, length, position) => {
        this.#refuse('read', path)
        return file.read(into, length, position)
      },
    }
  }

  #writing(file: OpenFile, path: string, id: number): OpenFile {
    return {
      ...this.#reading(file, path),
      write: async (bytes, start, end, position) => {
        this.#refuse('write', path)
        const { roomBytes = Number.POSITIVE_INFINITY } = this.orders
        const fitting = Math.max(start, Math.min(end, start + roomBytes - this.#written))
        this.#written += fitting - start
        this.#journal?.note({ call: 'write', id, position }, bytes.subarray(start, fitting))
        if (fitting > start) await file.write(bytes, start, fitting, position)
        if (fitting < end) throw systemError('ENOSPC', path)
      },
      sync: async () => {
        this.#refuse('sync', path)
        const call = this.#journal?.newId() ?? 0
        this.#journal?.note({ call: 'sync', file: id, id: call })
        await file.sync()
        this.#journal?.note({ call: 'synced', id: call })
      },
      truncate: async (bytes) => {
        this.#refuse('truncate', path)
        this.#journal?.note({ call: 'truncate', id, bytes })
        await file.truncate(bytes)
      },
    }
  }

  #refuse(call: FailingCall, path: string): void {
    const { failing = [], share = 1, code = 'EIO' } = this.orders
    if (failing.includes(call) && Math.random() < share) throw systemError(code, path)
  }
}

function withoutWriting(file: OpenFile): OpenFile {
  return {
    write: (bytes, start, end, position) => file.write(bytes, start, end, position),
    read: (into, length, position) => file.read(into, length, position),
    sync: () => file.sync(),
    truncate: (bytes) => file.truncate(bytes),
    bytes: () => file.bytes(),
    close: () => file.close(),
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ordered by the test, ${path}`), { code })
}
