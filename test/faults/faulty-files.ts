/**
 * The real file system with faults on order: calls that fail, a quota, and a journal of every call.
 * It replaces `nodeFileLayer` in `connector-host.ts`.
 */
import type {
  DirectoryEntry,
  FileLayer,
  OpenFile,
  OpenMode,
} from '../../src/channels/disk/files/file-layer.ts'
import type { DiskJournal } from './disk-journal.ts'

export type FailingCall = 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'read'

export interface DiskOrders {
  /** Which calls fail, what share of them (0 to 1), and with which code. */
  readonly failing?: readonly FailingCall[]
  readonly share?: number
  readonly code?: 'EIO' | 'EROFS' | 'ENOSPC'
  /** Calls fail only for files whose paths contain this. */
  readonly within?: string
  /**
   * Bytes that files may still grow by; a write beyond them is cut there and fails with ENOSPC.
   * Bytes that were written before can be overwritten: that takes no room.
   */
  readonly roomBytes?: number
  /** As on a copy-on-write file system: overwriting takes room as well. */
  readonly isCopyOnWrite?: boolean
}

export class FaultyFiles implements FileLayer {
  orders: DiskOrders = {}
  readonly #real: FileLayer
  readonly #journal: DiskJournal | undefined
  /** How far files have been written, by path; bytes behind that take room. */
  readonly #filled = new Map<string, number>()
  #taken = 0

  constructor(real: FileLayer, journal?: DiskJournal) {
    this.#real = real
    this.#journal = journal
  }

  order(orders: DiskOrders): void {
    this.orders = orders
    this.#taken = 0
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
    if (mode === 'replace') this.#filled.set(path, 0)
    else if (!this.#filled.has(path)) this.#filled.set(path, await file.bytes())
    const id = this.#journal?.newId() ?? 0
    this.#journal?.note({ call: 'open', path, mode, id })
    return this.#writing(file, { path, id, isDurable: mode === 'durable' })
  }

  async rename(from: string, to: string): Promise<void> {
    this.#refuse('rename', from)
    await this.#real.rename(from, to)
    this.#filled.delete(from)
    this.#filled.delete(to)
    this.#journal?.note({ call: 'rename', path: from, to })
  }

  async remove(path: string): Promise<void> {
    this.#refuse('remove', path)
    await this.#real.remove(path)
    this.#filled.delete(path)
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

  #writing(file: OpenFile, opened: Opened): OpenFile {
    const { path, id } = opened
    return {
      ...this.#reading(file, path),
      write: async (bytes, start, end, position) => {
        this.#refuse('write', path)
        const fitting = start + this.#room(path, position, end - start)
        const syncId = this.#noteWrite(opened, position, bytes.subarray(start, fitting))
        if (fitting > start) await file.write(bytes, start, fitting, position)
        if (syncId !== undefined) this.#journal?.note({ call: 'synced', id: syncId })
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
        this.#filled.set(path, Math.min(this.#filled.get(path) ?? 0, bytes))
      },
    }
  }

  /** Takes the room for as many of the bytes as there is, and returns that number. */
  #room(path: string, position: number, bytes: number): number {
    const { roomBytes = Number.POSITIVE_INFINITY, isCopyOnWrite = false } = this.orders
    const filled = Math.max(position, this.#filled.get(path) ?? 0)
    const free = isCopyOnWrite ? 0 : Math.min(bytes, filled - position)
    const fitting = Math.min(bytes, free + Math.max(0, roomBytes - this.#taken))
    this.#taken += Math.max(0, fitting - free)
    this.#filled.set(path, Math.max(filled, position + fitting))
    return fitting
  }

  #noteWrite({ id, isDurable }: Opened, position: number, bytes: Buffer): number | undefined {
    if (this.#journal === undefined) return undefined
    const syncId = isDurable ? this.#journal.newId() : undefined
    const call = { call: 'write' as const, id, position }
    this.#journal.note(syncId === undefined ? call : { ...call, syncId }, bytes)
    return syncId
  }

  #refuse(call: FailingCall, path: string): void {
    const { failing = [], share = 1, code = 'EIO', within = '' } = this.orders
    if (!failing.includes(call) || !path.includes(within)) return
    if (Math.random() < share) throw systemError(code, path)
  }
}

interface Opened {
  readonly path: string
  readonly id: number
  readonly isDurable: boolean
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
