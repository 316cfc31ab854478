/**
 * Reads the file in which earlier versions kept sessions. Once its content is in the source's log,
 * the file is removed.
 *
 *     <data>/sessions/journal    frame: "SJ01" │ length of the body (4) │ CRC-32 of the body (4) │ body
 *
 * Frames have no key, and their bodies hold what devices sent. So nothing behind a frame that is not
 * intact is looked for: it could be a payload that looks like a frame.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { systemCodeOf } from '../../../../errors.ts'

const JOURNAL_NAME = 'journal'
const TEMPORARY_NAME = 'journal.tmp'
const UNREADABLE_NAME = 'journal.unreadable'
const MAGIC = Buffer.from('SJ01')
const HEADER_BYTES = 12
/** A body holds one change, so one message at most. */
const MAX_BODY_BYTES = 512 * 1024
/** The file was rewritten long before. */
const MAX_FILE_BYTES = 128 * 1024 * 1024
const WINDOW_BYTES = 1024 * 1024

export class OldJournal {
  readonly #file: FileHandle
  readonly #bytes: number
  #position = 0
  #isDamaged = false

  constructor(file: FileHandle, bytes: number) {
    this.#file = file
    this.#bytes = bytes
  }

  /** Where reading ended. */
  get position(): number {
    return this.#position
  }

  /** Whether bytes behind `position` are unread that are more than a write that was cut short. */
  get isDamaged(): boolean {
    return this.#isDamaged
  }

  /**
   * The bodies of the frames in order, up to the first one that is not intact. Each is valid until
   * the next one is taken.
   * @throws a system error if the file can't be read.
   */
  async *bodies(): AsyncGenerator<Buffer> {
    const window = Buffer.allocUnsafe(WINDOW_BYTES)
    try {
      while (this.#position < this.#bytes) {
        const { bytesRead } = await this.#file.read(window, 0, WINDOW_BYTES, this.#position)
        const read = window.subarray(0, bytesRead)
        const before = this.#position
        for (let at = 0, body = bodyAt(read, at); body !== undefined; body = bodyAt(read, at)) {
          at += HEADER_BYTES + body.length
          this.#position = before + at
          yield body
        }
        if (this.#position === before) {
          this.#isDamaged = !this.#isCutShort(read)
          return
        }
      }
    } finally {
      await this.#file.close()
    }
  }

  /** Whether the bytes from `position` on can be the beginning of a frame. */
  #isCutShort(read: Buffer): boolean {
    const rest = this.#bytes - this.#position
    if (rest < HEADER_BYTES) return true
    const length = lengthAt(read, 0)
    return length !== undefined && HEADER_BYTES + length > rest
  }
}

/**
 * Undefined if the file does not exist, or if a link is in the place of its directory.
 * @throws a system error if it can't be opened, RangeError if it is too large
 */
export async function openOldJournal(directory: string): Promise<OldJournal | undefined> {
  try {
    if (!(await lstat(directory)).isDirectory()) return undefined
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
    const path = join(directory, JOURNAL_NAME)
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      return new OldJournal(file, await bytesOf(file))
    } catch (error) {
      await file.close()
      throw error
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function bytesOf(file: FileHandle): Promise<number> {
  const found = await file.stat()
  if (!found.isFile()) throw new RangeError('expected a regular file')
  if (found.size <= MAX_FILE_BYTES) return found.size
  throw new RangeError(`expected at most ${MAX_FILE_BYTES} bytes, found ${found.size}`)
}

/** Call it once the content is in the log. Other files in the directory stay. */
export async function removeOldJournal(directory: string): Promise<void> {
  for (const name of [TEMPORARY_NAME, JOURNAL_NAME])
    await rm(join(directory, name), { force: true })
  await rmdir(directory).catch(() => undefined)
}

/** Renames a file that can't be read, so that a person can look at it. */
export async function setOldJournalAside(directory: string): Promise<void> {
  const aside = join(directory, UNREADABLE_NAME)
  await rm(aside, { recursive: true, force: true })
  await rename(join(directory, JOURNAL_NAME), aside)
}

function bodyAt(bytes: Buffer, at: number): Buffer | undefined {
  const length = at + HEADER_BYTES > bytes.length ? undefined : lengthAt(bytes, at)
  if (length === undefined) return undefined
  const start = at + HEADER_BYTES
  const end = start + length
  if (end > bytes.length) return undefined
  const body = bytes.subarray(start, end)
  return crc32(body) === bytes.readUInt32BE(at + 8) ? body : undefined
}

/** The length in the header at `at`; undefined if that is no header. */
function lengthAt(bytes: Buffer, at: number): number | undefined {
  if (bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) !== 0) return undefined
  const length = bytes.readUInt32BE(at + 4)
  return length > MAX_BODY_BYTES ? undefined : length
}
