/**
 * A disk in memory that behaves as badly as a real one may. When power fails, unsynced writes are
 * lost, kept or torn at sectors, and names may be old or new until their directory is synced. Any
 * call can fail. After a failed sync the pages read well, but are not on the disk and never will
 * be.
 */
import { dirname, join, normalize } from 'node:path'
import type {
  DirectoryEntry,
  FileLayer,
  OpenFile,
  OpenMode,
} from '../../../src/channels/disk/files/file-layer.ts'

const SECTOR_BYTES = 512
const PAGE_BYTES = 4096

type Change = { readonly position: number; readonly bytes: Buffer } | { readonly length: number }

/** A file without its names: what reads see, what the disk has, and the writes in between. */
class Inode {
  content = Buffer.alloc(0)
  durable = Buffer.alloc(0)
  pending: Change[] = []
}

/** A change of names that waits for its directory's sync. `undefined` removes the name. */
interface NameChange {
  readonly directory: string
  readonly names: ReadonlyMap<string, Inode | 'directory' | undefined>
}

export type Operation =
  | 'makeDirectory'
  | 'list'
  | 'open'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'write'
  | 'read'
  | 'sync'
  | 'truncate'
  | 'bytes'

/** Numbers in [0, 1) from a seed, so that a failing case can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export class SimulatedDisk implements FileLayer {
  readonly #random: () => number
  readonly #names = new Map<string, Inode | 'directory'>([['/', 'directory']])
  readonly #durableNames = new Map<string, Inode | 'directory'>([['/', 'directory']])
  #pendingNames: NameChange[] = []
  #hasPower = true
  readonly #spoiled: { readonly path: string; readonly page: number }[] = []

  /** The number of calls so far, without `close`. */
  calls = 0
  /** Power fails at this call: it happens partly or not at all, and no call works after it. */
  powerLostAt = Number.POSITIVE_INFINITY
  /** Decides for each call whether it fails, and with which code. */
  fail: (operation: Operation, path: string, call: number) => string | undefined = () => undefined
  /** A write that would make all files longer than this fails with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** The most bytes that all files ever had together. */
  peakBytes = 0

  constructor(random: () => number) {
    this.#random = random
  }

  get hasPower(): boolean {
    return this.#hasPower
  }

  get bytes(): number {
    let bytes = 0
    for (const file of this.#names.values()) if (file !== 'directory') bytes += file.content.length
    return bytes
  }

  /** Paths of all files, sorted. */
  get files(): string[] {
    return [...this.#names].flatMap(([path, file]) => (file === 'directory' ? [] : [path])).sort()
  }

  contentOf(path: string): Buffer {
    return this.#file(path).content
  }

  /** Changes a byte in place, on the disk and in the cache. */
  damage(path: string, position: number, mask: number): void {
    const file = this.#file(path)
    for (const copy of [file.content, file.durable]) {
      if (position < copy.length) copy[position] = (copy[position] ?? 0) ^ mask
    }
  }

  /** Makes a page of a file unreadable: every read of it fails with EIO. */
  spoilPage(path: string, position: number): void {
    this.#spoiled.push({ path, page: Math.floor(position / PAGE_BYTES) })
  }

  /** Removes a file durably, as another program would. */
  lose(path: string): void {
    this.#names.delete(path)
    this.#durableNames.delete(path)
  }

  /** Replaces a file durably, as another program would. */
  replace(path: string, content: Buffer): void {
    const file = new Inode()
    file.content = Buffer.from(content)
    file.durable = Buffer.from(content)
    this.#names.set(path, file)
    this.#durableNames.set(path, file)
  }

  /** The disk as it is when power is back. */
  afterPowerLoss(): SimulatedDisk {
    const next = new SimulatedDisk(this.#random)
    const names = new Map(this.#durableNames)
    const blocked = new Set<string>()
    for (const change of this.#pendingNames) {
      // Changes of names in a directory survive up to some point.
      if (blocked.has(change.directory) || this.#random() < 0.3) blocked.add(change.directory)
      else applyNames(names, change.names)
    }
    const inodes = new Map<Inode, Inode>()
    for (const [path, file] of [...names].sort(([a], [b]) => a.length - b.length)) {
      if (path !== '/' && next.#names.get(dirname(path)) !== 'directory') continue
      const survivor = file === 'directory' ? file : (inodes.get(file) ?? tear(file, this.#random))
      if (file !== 'directory' && survivor !== 'directory') inodes.set(file, survivor)
      next.#names.set(path, survivor)
      next.#durableNames.set(path, survivor)
    }
    return next
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#call('makeDirectory', path)
    const parents: string[] = []
    for (let at = normalize(path); !this.#names.has(at); at = dirname(at)) parents.unshift(at)
    for (const parent of parents) {
      this.#names.set(parent, 'directory')
      this.#durableNames.set(parent, 'directory')
    }
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    await this.#call('list', path)
    const directory = normalize(path)
    return [...this.#names].flatMap(([at, file]) =>
      at !== '/' && dirname(at) === directory
        ? [
            {
              name: at.slice(join(directory, '/').length),
              isDirectory: file === 'directory',
              bytes: file === 'directory' ? 0 : file.content.length,
              modifiedAt: 0,
            },
          ]
        : [],
    )
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    await this.#call('open', path)
    const at = normalize(path)
    const found = this.#names.get(at)
    if (found === 'directory') throw systemError('EISDIR', at)
    if (mode !== 'replace' && found === undefined) throw systemError('ENOENT', at)
    const file = found ?? new Inode()
    if (found === undefined) {
      if (this.#names.get(dirname(at)) !== 'directory') throw systemError('ENOENT', at)
      this.#rename(new Map([[at, file]]), dirname(at))
    } else if (mode === 'replace') {
      change(file, { length: 0 })
    }
    return this.#openFile(file, at, mode === 'durable')
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call('rename', from)
    const file = this.#file(normalize(from))
    this.#rename(
      new Map([
        [normalize(from), undefined],
        [normalize(to), file],
      ]),
      dirname(normalize(to)),
    )
  }

  async remove(path: string): Promise<void> {
    await this.#call('remove', path)
    const at = normalize(path)
    if (this.#names.has(at)) this.#rename(new Map([[at, undefined]]), dirname(at))
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#call('syncDirectory', path)
    const directory = normalize(path)
    this.#pendingNames = this.#pendingNames.filter((pending) => {
      if (pending.directory !== directory) return true
      applyNames(this.#durableNames, pending.names)
      return false
    })
  }

  #openFile(file: Inode, path: string, isDurable: boolean): OpenFile {
    return {
      write: async (bytes, start, end, position) => {
        const grown = Math.max(0, position + end - start - file.content.length)
        const isFull = grown > 0 && this.bytes + grown > this.capacityBytes
        const partly = start + Math.floor(this.#random() * (end - start))
        const undo = () => {
          if (!isDurable) {
            change(file, { position, bytes: Buffer.from(bytes.subarray(start, partly)) })
            return
          }
          // Any of its sectors may be on the disk; the cache is marked clean nevertheless.
          change(file, { position, bytes: Buffer.from(bytes.subarray(start, end)) })
          file.durable = Buffer.from(tear(file, this.#random).content)
          file.pending = []
        }
        await this.#call('write', path, undo)
        if (isFull) {
          undo()
          throw systemError('ENOSPC', path)
        }
        if (isDurable && this.#names.get(path) !== file) throw systemError('ENOENT', path)
        change(file, { position, bytes: Buffer.from(bytes.subarray(start, end)) })
        if (isDurable) flush(file)
        this.peakBytes = Math.max(this.peakBytes, this.bytes)
      },
      read: async (into, length, position) => {
        await this.#call('read', path)
        const isSpoiled = this.#spoiled.some((one) => {
          const from = one.page * PAGE_BYTES
          return one.path === path && position < from + PAGE_BYTES && position + length > from
        })
        if (isSpoiled) throw systemError('EIO', path)
        return file.content.copy(
          into,
          0,
          position,
          Math.min(position + length, file.content.length),
        )
      },
      sync: async () => {
        // If a sync fails, the cache is marked clean nevertheless.
        await this.#call('sync', path, () => {
          file.durable = Buffer.from(tear(file, this.#random).content)
          file.pending = []
        })
        flush(file)
      },
      truncate: async (length) => {
        await this.#call('truncate', path)
        change(file, { length })
      },
      bytes: async () => {
        await this.#call('bytes', path)
        return file.content.length
      },
      close: () => Promise.resolve(),
    }
  }

  #file(path: string): Inode {
    const file = this.#names.get(path)
    if (file === undefined || file === 'directory') throw systemError('ENOENT', path)
    return file
  }

  #rename(names: NameChange['names'], directory: string): void {
    applyNames(this.#names, names)
    this.#pendingNames.push({ directory, names })
  }

  async #call(operation: Operation, path: string, onFailure?: () => void): Promise<void> {
    await Promise.resolve()
    if (!this.#hasPower) throw systemError('EPOWER', path)
    const call = this.calls++
    if (call >= this.powerLostAt) {
      this.#hasPower = false
      onFailure?.()
      throw systemError('EPOWER', path)
    }
    const code = this.fail(operation, path, call)
    if (code === undefined) return
    onFailure?.()
    throw systemError(code, path)
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

/** Writes pending changes to the disk; pages of a failed sync are not pending. */
function flush(file: Inode): void {
  for (const one of file.pending) file.durable = changed(file.durable, one)
  file.pending = []
}

function change(file: Inode, made: Change): void {
  file.content = changed(file.content, made)
  file.pending.push(made)
}

function changed(content: Buffer, made: Change): Buffer<ArrayBuffer> {
  if ('length' in made) {
    const cut = Buffer.alloc(made.length)
    content.copy(cut)
    return cut
  }
  const grown = Buffer.alloc(Math.max(content.length, made.position + made.bytes.length))
  content.copy(grown)
  made.bytes.copy(grown, made.position)
  return grown
}

/** The unsynced changes of a file that reached the disk: any set of whole sectors. */
function tear(file: Inode, random: () => number): Inode {
  let content: Buffer<ArrayBuffer> = Buffer.from(file.durable)
  const share = random()
  for (const one of file.pending) {
    if ('length' in one) {
      if (random() < share) content = changed(content, one)
      continue
    }
    let from = 0
    while (from < one.bytes.length) {
      const sector = SECTOR_BYTES - ((one.position + from) % SECTOR_BYTES)
      const bytes = one.bytes.subarray(from, from + sector)
      if (random() < share) content = changed(content, { position: one.position + from, bytes })
      from += sector
    }
  }
  // The length may be on the disk without the data.
  if (random() < 0.3 && content.length < file.content.length) {
    content = changed(content, { length: file.content.length })
  }
  const survivor = new Inode()
  survivor.content = content
  survivor.durable = Buffer.from(content)
  return survivor
}

function applyNames(names: Map<string, Inode | 'directory'>, made: NameChange['names']): void {
  for (const [path, file] of made) {
    if (file === undefined) names.delete(path)
    else names.set(path, file)
  }
}
