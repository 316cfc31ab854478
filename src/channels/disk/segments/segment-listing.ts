/** Finds the segments in a channel's directory by file names and lengths alone. */
import type { DirectoryEntry, FileLayer } from '../files/file-layer.ts'
import { FRAME_HEADER_BYTES, type LogIdentity, readHeader } from '../format/frame.ts'
import { FileView } from '../format/frame-walk.ts'
import { decodeState, readStateFile } from '../format/state-file.ts'
import { baseOfLogName, indexNameOf, Segment } from './segment.ts'

/** Oldest first, each ending where the next begins. The end of the last one is not known yet. */
export function segmentsOf(directory: string, entries: readonly DirectoryEntry[]): Segment[] {
  const bytesOf = new Map(entries.map((entry) => [entry.name, entry.bytes]))
  const logs = entries.flatMap(({ name, bytes, modifiedAt }) => {
    const base = baseOfLogName(name)
    return base === undefined ? [] : [{ base, bytes, writtenAt: modifiedAt }]
  })
  logs.sort((a, b) => a.base - b.base)
  return logs.map(({ base, ...log }, place) => {
    const end = logs[place + 1]?.base ?? base
    const indexBytes = bytesOf.get(indexNameOf(base)) ?? 0
    return new Segment(directory, base, { ...log, end, indexBytes })
  })
}

/** Names of index files that have no segment. */
export function orphanIndexes(
  entries: readonly DirectoryEntry[],
  segments: readonly Segment[],
): string[] {
  const expected = new Set(segments.map((segment) => segment.indexName))
  return entries
    .map((entry) => entry.name)
    .filter((name) => isIndexName(name) && !expected.has(name))
}

export function isIndexName(name: string): boolean {
  return /^\d{16}\.idx$/.test(name)
}

/** The identity in the state file, or in a segment; undefined if it is lost. */
export async function findIdentity(
  files: FileLayer,
  directory: string,
  segments: readonly Segment[],
): Promise<LogIdentity | undefined> {
  const bytes = await readStateFile(files, directory)
  const stored = bytes && decodeState(bytes)?.log
  return stored ?? (await identityOfSegments(files, segments))
}

/**
 * The identity that most segments begin with, so that a file of another log does not take the log
 * over; of several, the newest one's. A frame further behind is not looked for: without the log's
 * key, a payload that looks like a frame could be mistaken for one.
 */
export async function identityOfSegments(
  files: FileLayer,
  segments: readonly Segment[],
): Promise<LogIdentity | undefined> {
  const counts = new Map<string, number>()
  let found: LogIdentity | undefined
  let most = 0
  for (const segment of segments) {
    const identity = await identityOf(files, segment)
    if (identity === undefined) continue
    const text = `${identity.id}:${identity.key}`
    const count = (counts.get(text) ?? 0) + 1
    counts.set(text, count)
    if (count < most) continue
    most = count
    found = identity
  }
  return found
}

async function identityOf(files: FileLayer, segment: Segment): Promise<LogIdentity | undefined> {
  const file = await files.open(segment.logPath, 'read')
  try {
    return await openingIdentity(new FileView(file, segment.bytes, true))
  } finally {
    await file.close()
  }
}

/** The frame that opens a segment has no records, so the next one has a place of its own too. */
async function openingIdentity(view: FileView): Promise<LogIdentity | undefined> {
  for (const position of [0, FRAME_HEADER_BYTES]) {
    if (!(await view.load(position, FRAME_HEADER_BYTES))) return undefined
    const header = readHeader(view.buffer, view.indexOf(position), undefined)
    if (header !== undefined) return header.identity
  }
  return undefined
}
