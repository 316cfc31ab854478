/** Finds the segments in a channel's directory by file names and lengths alone. */
import type { DirectoryEntry, FileLayer } from '../files/file-layer.ts'
import { type LogIdentity, readHeader } from '../format/frame.ts'
import { FileView, findFrame } from '../format/frame-walk.ts'
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
  return name.endsWith('.idx') && baseOfLogName(name.replace(/idx$/, 'log')) !== undefined
}

/** The identity in the first readable frame of the segments; undefined when there is none. */
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
