/**
 * The names of a table's Parquet files. A name says which rows are in the file:
 *
 *     tables/plant/__dt=2026-11-29/0a1b2c3d-0000000000001200-0000000000001500.parquet
 *     └ table      └ day of arrival, UTC └ log id └ first offset   └ the offset after the last
 *
 * A name that begins with a dot belongs to a file that is being written.
 */

/** In the table's directory. */
export const CATALOGUE_NAME = '_schema.json'
/** In the table's directory: which files are uploaded, if they are to be. */
export const UPLOADS_NAME = '_uploads.json'
const DAY_PREFIX = '__dt='
const OFFSET_DIGITS = 16
const FILE_NAME = /^([0-9a-f]{8})-([0-9]{16})-([0-9]{16})\.parquet$/
const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/

/** Rows of one log that arrived on one day: offsets `first ≤ x < end`. */
export interface TableFile {
  /** `2026-11-29` */
  readonly day: string
  readonly logId: string
  readonly first: number
  readonly end: number
}

export function dayDirectoryName(day: string): string {
  return `${DAY_PREFIX}${day}`
}

export function tableFileName({ logId, first, end }: TableFile): string {
  return `${logId}-${offsetText(first)}-${offsetText(end)}.parquet`
}

/** The path below the table's directory, as in the catalogue. */
export function tableFilePath(file: TableFile): string {
  return `${dayDirectoryName(file.day)}/${tableFileName(file)}`
}

/** The name while the file is being written. */
export function hiddenFileName(file: TableFile): string {
  return `.${tableFileName(file)}`
}

/** Undefined if the name is not that of a directory for a day. */
export function dayOfDirectory(name: string): string | undefined {
  if (!name.startsWith(DAY_PREFIX)) return undefined
  const day = name.slice(DAY_PREFIX.length)
  return DAY.test(day) && isDate(day) ? day : undefined
}

/** Undefined if the name is not that of a finished file. */
export function parseTableFile(day: string, name: string): TableFile | undefined {
  const [, logId, from, to] = FILE_NAME.exec(name) ?? []
  if (logId === undefined) return undefined
  const [first, end] = [Number(from), Number(to)]
  return Number.isSafeInteger(end) && first < end ? { day, logId, first, end } : undefined
}

/** The file at a path below the table's directory. */
export function parseTablePath(path: string): TableFile | undefined {
  const [directory = '', name = '', ...more] = path.split('/')
  const day = dayOfDirectory(directory)
  return day === undefined || more.length > 0 ? undefined : parseTableFile(day, name)
}

/** The day of a time, UTC. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** When the day begins, milliseconds since 1970. */
export function startOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`)
}

function isDate(day: string): boolean {
  const time = startOfDay(day)
  return !Number.isNaN(time) && dayOf(time) === day
}

function offsetText(offset: number): string {
  return String(offset).padStart(OFFSET_DIGITS, '0')
}
