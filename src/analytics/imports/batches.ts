/**
 * Which files are imported together. Archives of a channel have a file for every half minute; those
 * of a day become a few Parquet files. An export has rows of many days and is a batch of its own.
 */
import type { TableLocation } from '../tables/table-location.ts'
import type { SourceFile } from './source-file.ts'

export interface ImportBatch {
  readonly table: TableLocation
  readonly sources: readonly SourceFile[]
}

/** With gzip; with a ratio of ten, some 160 MB of messages. */
const MAX_BYTES = 16 * 1024 * 1024
const MAX_SOURCES = 2_000

/** @param sources by table, then by path */
export function batchesOf(sources: readonly SourceFile[]): ImportBatch[] {
  const batches: { table: TableLocation; sources: SourceFile[]; bytes: number }[] = []
  for (const source of sources) {
    const last = batches.at(-1)
    const before = last?.sources[0]
    const isSameDay =
      before?.kind === 'archive' &&
      source.kind === 'archive' &&
      before.table === source.table &&
      before.day === source.day
    const hasRoom =
      last !== undefined &&
      last.sources.length < MAX_SOURCES &&
      last.bytes + source.bytes <= MAX_BYTES
    if (isSameDay && hasRoom) {
      last.sources.push(source)
      last.bytes += source.bytes
    } else batches.push({ table: source.table, sources: [source], bytes: source.bytes })
  }
  return batches
}
