/**
 * Reads the file in which earlier versions kept sessions. Once its content is in the source's log,
 * the file is removed.
 *
 *     <data>/sessions/journal    frame: "SJ01" │ length of the body (4) │ CRC-32 of the body (4) │ body
 */
import { readFile, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { systemCodeOf } from '../../../../errors.ts'

const JOURNAL_NAME = 'journal'
const TEMPORARY_NAME = 'journal.tmp'
const UNREADABLE_NAME = 'journal.unreadable'
const MAGIC = Buffer.from('SJ01')
const HEADER_BYTES = 12

/**
 * The bodies of the frames in order, with `undefined` where frames were lost. Undefined if the file
 * does not exist.
 * @throws a system error if the file can't be read.
 */
export async function readOldJournal(
  directory: string,
): Promise<readonly (Buffer | undefined)[] | undefined> {
  try {
    return bodiesIn(await readFile(join(directory, JOURNAL_NAME)))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
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

function bodiesIn(bytes: Buffer): (Buffer | undefined)[] {
  const bodies: (Buffer | undefined)[] = []
  for (let at = 0; at < bytes.length; ) {
    const body = bodyAt(bytes, at)
    if (body !== undefined) {
      bodies.push(body)
      at += HEADER_BYTES + body.length
      continue
    }
    const next = nextFrame(bytes, at + 1)
    // With no valid frame after it, this is a write that a crash cut short.
    if (next === undefined) break
    bodies.push(undefined)
    at = next
  }
  return bodies
}

function bodyAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + HEADER_BYTES > bytes.length || !isMagic(bytes, at)) return undefined
  const start = at + HEADER_BYTES
  const end = start + bytes.readUInt32BE(at + 4)
  if (end > bytes.length) return undefined
  const body = bytes.subarray(start, end)
  return crc32(body) === bytes.readUInt32BE(at + 8) ? body : undefined
}

function isMagic(bytes: Buffer, at: number): boolean {
  return bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) === 0
}

function nextFrame(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    if (bodyAt(bytes, at) !== undefined) return at
  }
  return undefined
}
