/**
 * Every call of a process to its disk, in order, so that power can be cut anywhere in it later.
 *
 *     one line of JSON, with `bytes` that follow it │ the bytes │ …
 *
 * Writes and cuts are recorded when they begin, because a power cut may tear them. Changes of names
 * are recorded when they are done, because they cannot have happened before. Syncs, and writes to
 * files opened `durable`, which sync themselves, are recorded at both moments. A sync counts only
 * if it is `synced` before the cut, and only for calls that were done when it began. The file's
 * length serves as a clock: a message acknowledged at some length had its syncs recorded below it.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { OpenFile, OpenMode } from '../../src/channels/disk/files/file-layer.ts'
import { SimulatedDisk } from '../support/disk/simulated-disk.ts'

export type DiskCall =
  | { readonly call: 'makeDirectory' | 'remove'; readonly path: string }
  | { readonly call: 'open'; readonly path: string; readonly mode: OpenMode; readonly id: number }
  | { readonly call: 'rename'; readonly path: string; readonly to: string }
  | { readonly call: 'syncDirectory'; readonly path: string; readonly id: number }
  | {
      readonly call: 'write'
      /** The file's. */
      readonly id: number
      readonly position: number
      /** The write's own sync, where the file is opened `durable`. */
      readonly syncId?: number
    }
  | { readonly call: 'sync'; readonly file: number; readonly id: number }
  | { readonly call: 'truncate'; readonly id: number; readonly bytes: number }
  | { readonly call: 'synced'; readonly id: number }

export class DiskJournal {
  readonly #descriptor: number
  #ids = 0

  constructor(path: string) {
    this.#descriptor = openSync(path, 'a')
  }

  newId(): number {
    this.#ids += 1
    return this.#ids
  }

  note(call: DiskCall, bytes?: Buffer): void {
    const line = Buffer.from(`${JSON.stringify({ ...call, follow: bytes?.length ?? 0 })}\n`)
    // One write, so that a reader of the length never sees half of a record.
    writeSync(this.#descriptor, bytes === undefined ? line : Buffer.concat([line, bytes]))
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

interface Entry {
  readonly call: DiskCall
  readonly bytes: Buffer
  /** The journal's length including this record. */
  readonly end: number
}

export interface RecordedDisk {
  readonly entries: readonly Entry[]
  /** The directory that the paths are below. */
  readonly directory: string
}

export function readJournal(path: string, directory: string): RecordedDisk {
  const journal = readFileSync(path)
  const entries: Entry[] = []
  let at = 0
  for (;;) {
    const lineEnd = journal.indexOf(10, at)
    if (lineEnd < 0) return { entries, directory }
    const { follow, ...call }: DiskCall & { follow: number } = JSON.parse(
      journal.toString('utf8', at, lineEnd),
    )
    const end = lineEnd + 1 + follow
    if (end > journal.length) return { entries, directory }
    entries.push({ call, bytes: journal.subarray(lineEnd + 1, end), end })
    at = end
  }
}

/** The disk as it is after a power cut when the journal was `end` long. */
export async function diskAfterCut(
  { entries, directory }: RecordedDisk,
  end: number,
  random: () => number,
): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(random)
  const before = entries.filter((entry) => entry.end <= end)
  const synced = new Set<number>()
  for (const { call } of before) if (call.call === 'synced') synced.add(call.id)
  const files = new Map<number, ReplayedFile>()
  const placed = (path: string) => join('/', relative(directory, path))
  await disk.makeDirectory('/')
  for (const { call, bytes } of before) await replay({ disk, files, synced, placed }, call, bytes)
  return disk.afterPowerLoss()
}

interface ReplayedFile {
  readonly file: OpenFile
  /** The same file, but its writes wait for a sync: for a durable write that had not returned. */
  readonly unsynced: OpenFile
}

interface Replay {
  readonly disk: SimulatedDisk
  readonly files: Map<number, ReplayedFile>
  readonly synced: ReadonlySet<number>
  readonly placed: (path: string) => string
}

async function replay(
  { disk, files, synced, placed }: Replay,
  call: DiskCall,
  bytes: Buffer,
): Promise<void> {
  switch (call.call) {
    case 'makeDirectory':
      return disk.makeDirectory(placed(call.path))
    case 'remove':
      return disk.remove(placed(call.path))
    case 'rename':
      return disk.rename(placed(call.path), placed(call.to))
    case 'open': {
      const file = await disk.open(placed(call.path), call.mode)
      const isDurable = call.mode === 'durable'
      const unsynced = isDurable ? await disk.open(placed(call.path), 'edit') : file
      files.set(call.id, { file, unsynced })
      return
    }
    case 'write': {
      const { file, unsynced } = files.get(call.id) ?? {}
      const isDone = call.syncId !== undefined && synced.has(call.syncId)
      return (isDone ? file : unsynced)?.write(bytes, 0, bytes.length, call.position)
    }
    case 'truncate':
      return files.get(call.id)?.file.truncate(call.bytes)
    case 'sync':
      return synced.has(call.id) ? files.get(call.file)?.file.sync() : undefined
    case 'syncDirectory':
      return synced.has(call.id) ? disk.syncDirectory(placed(call.path)) : undefined
    case 'synced':
      return
  }
}
