/** What segments a channel's directory has, told from names and lengths alone. */
import type { DirectoryEntry, FileLayer } from '../files/file-layer.ts'
import { type LogIdentity, readHeader } from '../format/frame.ts'
import { FileView, findFrame } from '../format/frame-walk.ts'
import { baseOfLogName, Segment } from './segment.ts'

/** Oldest first, each ending where the next begins; the last one's end is not known yet. */
export function segmentsOf(directory: string, entries: readonly DirectoryEntry[]): Segment[] {
  const bytesOf = new Map(entries.map((entry) => [entry.name, entry.bytes]))
  const segments: Segment[] = []
  for (const { name, bytes, modifiedAt } of entries) {
    const base = baseOfLogName(name)
    if (base === undefined) continue
    const segment = new Segment(directory, base, base, bytes, modifiedAt)
    segment.indexBytes = bytesOf.get(segment.indexName) ?? 0
    segments.push(segment)
  }
  segments.sort((a, b) => a.base - b.base)
  segments.forEach((segment, place) => {
    segment.end = segments[place + 1]?.base ?? segment.base
  })
  return segments
}

/** Names of index files whose segment is gone. */
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
  return name.endsWith('.idx') && baseOfLogName(name.replace(/idx$/, 'log')) !== undefined
}

/** Every frame says which log it belongs to; mostly the first one looked at does. */
export async function findIdentity(
  files: FileLayer,
  segments: readonly Segment[],
): Promise<LogIdentity | undefined> {
  for (const segment of segments) {
    const file = await files.open(segment.logPath, 'read')
    try {
      const view = new FileView(file, segment.bytes, true)
      const position = await findFrame(view, undefined, 0)
      if (position === undefined) continue
      const header = readHeader(view.buffer, view.indexOf(position), undefined)
      if (header !== undefined) return header.identity
    } finally {
      await file.close()
    }
  }
  return undefined
}
