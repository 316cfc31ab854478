/**
 * The file that changes are appended to, and its replacement when it has grown.
 *
 *     frame: "SJ01" │ length of the body (4) │ CRC-32 of the body (4) │ body: changes
 *
 * One write makes one frame, or several of about 256 KB. A file that replaces another is complete
 * before it gets the name: written as `journal.tmp`, synced, renamed.
 */
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { crc32 } from 'node:zlib'
import { systemCodeOf } from '../../../errors.ts'

export const JOURNAL_NAME = 'journal'
const TEMPORARY_NAME = 'journal.tmp'
const DAMAGED_NAME = 'journal.damaged'
const UNREADABLE_NAME = 'journal.unreadable'

const MAGIC = Buffer.from('SJ01')
const HEADER_BYTES = 12
const FRAME_BYTES = 262_144

/** What a file held: good bodies in order, and what stood between them. */
export interface JournalContents {
  /** `undefined` where something was lost. */
  readonly bodies: readonly (Buffer | undefined)[]
  readonly damaged: readonly Buffer[]
  /** Where the last good frame ends. What stands behind is a write that never finished. */
  readonly end: number
  readonly bytes: number
}

/** Undefined when there is no file. */
export async function readJournal(directory: string): Promise<JournalContents | undefined> {
  try {
    return parseJournal(await readFile(join(directory, JOURNAL_NAME)))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export function parseJournal(bytes: Buffer): JournalContents {
  const bodies: (Buffer | undefined)[] = []
  const damaged: Buffer[] = []
  let end = 0
  for (let at = 0; at < bytes.length; ) {
    const body = bodyAt(bytes, at)
    if (body !== undefined) {
      bodies.push(body)
      at += HEADER_BYTES + body.length
      end = at
      continue
    }
    const next = nextFrame(bytes, at + 1)
    if (next === undefined && isUnfinished(bytes, at)) break
    damaged.push(bytes.subarray(at, next))
    bodies.push(undefined)
    at = next ?? bytes.length
  }
  return { bodies, damaged, end, bytes: bytes.length }
}

function bodyAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + HEADER_BYTES > bytes.length || !isMagic(bytes, at)) return undefined
  const start = at + HEADER_BYTES
  const end = start + bytes.readUInt32BE(at + 4)
  if (end > bytes.length) return undefined
  const body = bytes.subarray(start, end)
  return crc32(body) === bytes.readUInt32BE(at + 8) ? body : undefined
}

function nextFrame(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    if (bodyAt(bytes, at) !== undefined) return at
  }
  return undefined
}

/** A frame cut short, or one whose last bytes never came to the disk. */
function isUnfinished(bytes: Buffer, at: number): boolean {
  const head = bytes.subarray(at, at + MAGIC.length)
  const isHead = MAGIC.subarray(0, head.length).equals(head)
  if (!isHead) return bytes.subarray(at).every((byte) => byte === 0)
  if (at + HEADER_BYTES > bytes.length) return true
  const end = at + HEADER_BYTES + bytes.readUInt32BE(at + 4)
  return end > bytes.length || bytes[end - 1] === 0
}

function isMagic(bytes: Buffer, at: number): boolean {
  return bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) === 0
}

/** Keeps damaged bytes for a look; those of an earlier time make room. */
export async function setAside(directory: string, damaged: Buffer, maxBytes: number) {
  const file = await open(join(directory, DAMAGED_NAME), 'w')
  try {
    await file.writeFile(damaged.subarray(0, maxBytes))
  } finally {
    await file.close()
  }
}

/** Keeps a file that can't be read, whole and for a look: giving it another name takes no reading. */
export async function setUnreadableAside(directory: string): Promise<void> {
  const aside = join(directory, UNREADABLE_NAME)
  await rm(aside, { recursive: true, force: true })
  await rename(join(directory, JOURNAL_NAME), aside)
  await syncDirectory(directory)
}

export class JournalFile {
  readonly #file: FileHandle
  /** Where the next frame goes. */
  #end: number

  constructor(file: FileHandle, end: number) {
    this.#file = file
    this.#end = end
  }

  /** The file as it is, to be gone on with at `end`. */
  static async open(directory: string, end: number): Promise<JournalFile> {
    return new JournalFile(await open(join(directory, JOURNAL_NAME), 'r+'), end)
  }

  /** A new file with these changes in place of the one there may be. */
  static async replace(directory: string, changes: readonly Buffer[]): Promise<JournalFile> {
    await mkdir(directory, { recursive: true })
    const temporary = join(directory, TEMPORARY_NAME)
    const file = new JournalFile(await open(temporary, 'w+'), 0)
    try {
      await file.append(changes)
      await rename(temporary, join(directory, JOURNAL_NAME))
      await syncDirectory(directory)
      await syncDirectory(dirname(resolve(directory)))
    } catch (error) {
      await file.close()
      throw error
    }
    return file
  }

  get bytes(): number {
    return this.#end
  }

  /** Resolves when they are durable. After it has rejected, the file is not to be used again. */
  async append(changes: readonly Buffer[]): Promise<void> {
    for (const frame of framesOf(changes)) {
      let written = 0
      while (written < frame.length) {
        const { bytesWritten } = await this.#file.write(
          frame,
          written,
          frame.length - written,
          this.#end + written,
        )
        written += bytesWritten
      }
      this.#end += frame.length
    }
    await this.#file.datasync()
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined)
  }
}

function* framesOf(changes: readonly Buffer[]): Generator<Buffer> {
  for (let from = 0; from < changes.length; ) {
    let length = 0
    let to = from
    while (to < changes.length && (to === from || length < FRAME_BYTES)) {
      length += changes[to++]?.length ?? 0
    }
    const header = Buffer.alloc(HEADER_BYTES)
    const frame = Buffer.concat([header, ...changes.slice(from, to)])
    MAGIC.copy(frame)
    frame.writeUInt32BE(length, 4)
    frame.writeUInt32BE(crc32(frame.subarray(HEADER_BYTES)), 8)
    yield frame
    from = to
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
