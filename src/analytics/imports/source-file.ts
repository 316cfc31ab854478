/**
 * Files that AWS IoT Analytics has left, by their names:
 *
 *     …channel/<channel>/__dt=2020-10-15 00:00:00/<startMs>_<endMs>_<account>_<channel>_….json.gz
 *     …<datastore>/<scheduleTime>/<versionId>.csv
 *
 * The first is what channels with a bucket of the customer's own wrote; the second is what the
 * template for the migration exported.
 */
import { basename, dirname } from 'node:path'
import { isChannelName } from '../../channel-name.ts'
import { dayOf, dayOfDirectory } from '../tables/table-file.ts'
import { channelTable, datastoreTable, type TableLocation } from '../tables/table-location.ts'

/** In a datastore, beside those of its pipelines. */
const IMPORT_SOURCE = '__import'

export type SourceFile = ArchiveFile | ExportFile

interface NamedFile {
  readonly path: string
  readonly bytes: number
  readonly table: TableLocation
}

/** Messages of a channel, one on each line, with gzip. */
export interface ArchiveFile extends NamedFile {
  readonly kind: 'archive'
  readonly day: string
  /** Milliseconds since 1970; the rows have no time of their own. */
  readonly arrivedAt: number
}

/** Rows of a datastore as CSV, with the day in the column `__dt`. */
export interface ExportFile extends NamedFile {
  readonly kind: 'export'
  /** Of rows in a file without `__dt`. */
  readonly day: string | undefined
}

export interface SourceRules {
  /** Where all rows go; undefined: by the names of the directories. */
  readonly into: TableLocation | undefined
  /** For what has no day of its own. */
  readonly day: string | undefined
}

const ARCHIVE_NAME = /\.json(?:\.gz)?$/i
const EXPORT_NAME = /\.csv$/i
/** Of channels that were renamed by hand, the directory counts and not this name. */
const TIMES = /^(\d{13})_(\d{13})_/
const EARLIEST_MS = Date.UTC(2000, 0, 1)
const LATEST_MS = Date.UTC(2100, 0, 1)

/** Why a file is no source, or undefined for a file of a kind that is never one. */
export type NotASource = { readonly problem: string } | undefined

export function sourceFile(
  path: string,
  bytes: number,
  rules: SourceRules,
): SourceFile | NotASource {
  if (ARCHIVE_NAME.test(path)) return archiveFile(path, bytes, rules)
  if (EXPORT_NAME.test(path)) return exportFile(path, bytes, rules)
  return undefined
}

export function isSource(found: SourceFile | NotASource): found is SourceFile {
  return found !== undefined && 'table' in found
}

/** The place of rows that were imported for a datastore. */
export function importTable(datastore: string): TableLocation {
  return datastoreTable(datastore, IMPORT_SOURCE)
}

function archiveFile(path: string, bytes: number, rules: SourceRules): SourceFile | NotASource {
  const directory = dirname(path)
  const channel = basename(dirname(directory))
  const [, start] = TIMES.exec(basename(path)) ?? []
  const arrivedAt = start === undefined ? undefined : Number(start)
  const isPlausible = arrivedAt !== undefined && arrivedAt >= EARLIEST_MS && arrivedAt < LATEST_MS
  const day = isPlausible ? dayOf(arrivedAt) : (dayIn(basename(directory)) ?? rules.day)
  if (day === undefined) {
    return {
      problem: 'expected a directory __dt=YYYY-MM-DD, a name that begins with times, or --day',
    }
  }
  const table = rules.into ?? (isChannelName(channel) ? channelTable(channel) : undefined)
  if (table === undefined) {
    return { problem: 'expected it in channel/NAME/__dt=…/, or --into' }
  }
  const time = isPlausible ? arrivedAt : Date.parse(`${day}T00:00:00Z`)
  return { kind: 'archive', path, bytes, table, day, arrivedAt: time }
}

function exportFile(path: string, bytes: number, { into, day }: SourceRules) {
  const datastore = basename(dirname(dirname(path)))
  const table = into ?? (isChannelName(datastore) ? importTable(datastore) : undefined)
  if (table === undefined) {
    return { problem: 'expected it in DATASTORE/TIME/, or --into' }
  }
  return { kind: 'export', path, bytes, table, day } as const
}

/** The day in `__dt=2020-10-15 00:00:00` or `__dt=2020-10-15`. */
function dayIn(directory: string): string | undefined {
  return dayOfDirectory(
    directory.replace(/(?: |%20|\+)00(?::|%3A|_)00(?::|%3A|_)00(?:\.0+)?$/i, ''),
  )
}
