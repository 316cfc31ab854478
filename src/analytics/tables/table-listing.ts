/**
 * The Parquet files of a table, by their names alone. A file whose range lies inside that of
 * another of the same log is not read: its rows are in the wider one. So a compaction that was
 * interrupted changes nothing.
 */
import { basename, join } from 'node:path'
import type { FileLayer } from '../../channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import type { OffsetRange } from '../../channels/log/channel-log.ts'
import { CATALOGUE_NAME, dayOfDirectory, parseTablePath, type TableFile } from './table-file.ts'
import { type TableLocation, tableDirectory } from './table-location.ts'

export interface ListedFile extends TableFile {
  /** Below the table's directory. */
  readonly path: string
  readonly bytes: number
  /** When its writing ended, milliseconds since 1970. */
  readonly modifiedAt: number
}

/** A file whose rows are in another one as well. */
export interface SupersededFile {
  readonly file: ListedFile
  /** The wider one. */
  readonly by: ListedFile
}

export interface TableListing {
  /** Each row once; by log, then by offset. */
  readonly files: readonly ListedFile[]
  readonly superseded: readonly SupersededFile[]
  /** Files that a process has left while writing them, or is writing. */
  readonly hidden: readonly string[]
  /** Everything else that is there. */
  readonly unknown: readonly string[]
}

/** What the files have of one log. */
export interface LogCoverage {
  /** The offset after the last row: later rows are in the log alone. 0 without files. */
  readonly end: number
  /** Offsets between the files that no file has. */
  readonly gaps: readonly OffsetRange[]
}

/**
 * Empty if the table has no files.
 * @throws a system error if the directory can't be read
 */
export async function listTable(
  directory: string,
  table: TableLocation,
  files: FileLayer = nodeFileLayer,
): Promise<TableListing> {
  const found: ListedFile[] = []
  const hidden: string[] = []
  const unknown: string[] = []
  for (const { path, bytes, modifiedAt } of await entriesOf(directory, table, files)) {
    const file = parseTablePath(path)
    if (file !== undefined) found.push({ ...file, path, bytes, modifiedAt })
    else if (basename(path).startsWith('.')) hidden.push(path)
    else if (path !== CATALOGUE_NAME) unknown.push(path)
  }
  return { ...withoutSuperseded(found), hidden, unknown }
}

type Entry = Pick<ListedFile, 'path' | 'bytes' | 'modifiedAt'>

/** The table's directory and those of the days, with paths below the former. */
async function entriesOf(
  directory: string,
  table: TableLocation,
  files: FileLayer,
): Promise<Entry[]> {
  const root = tableDirectory(directory, table)
  const entries: Entry[] = []
  for (const entry of await files.list(root)) {
    const isDay = entry.isDirectory && dayOfDirectory(entry.name) !== undefined
    const inner = isDay ? await files.list(join(root, entry.name)) : []
    if (!isDay) entries.push({ ...entry, path: entry.name })
    for (const one of inner) entries.push({ ...one, path: `${entry.name}/${one.name}` })
  }
  return entries
}

export function coverageOf(files: readonly ListedFile[], logId: string): LogCoverage {
  const gaps: OffsetRange[] = []
  let end = 0
  let isFirst = true
  for (const file of files) {
    if (file.logId !== logId) continue
    if (!isFirst && file.first > end) gaps.push({ from: end, to: file.first })
    end = Math.max(end, file.end)
    isFirst = false
  }
  return { end, gaps }
}

/** In the order of their offsets, the wider one first. */
function withoutSuperseded(found: ListedFile[]): Pick<TableListing, 'files' | 'superseded'> {
  const files: ListedFile[] = []
  const superseded: SupersededFile[] = []
  for (const file of found.sort(byOffset)) {
    const widest = files.at(-1)
    const isInside = widest?.logId === file.logId && file.end <= widest.end
    if (widest !== undefined && isInside) superseded.push({ file, by: widest })
    else files.push(file)
  }
  return { files, superseded }
}

function byOffset(left: ListedFile, right: ListedFile): number {
  if (left.logId !== right.logId) return left.logId < right.logId ? -1 : 1
  if (left.first !== right.first) return left.first - right.first
  if (left.end !== right.end) return right.end - left.end
  return left.day < right.day ? 1 : -1
}
