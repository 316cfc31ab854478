/**
 * The catalogue of a table's Parquet files, `_schema.json` in its directory: the columns that all of
 * them have together, and facts about each file. It can be rebuilt from the files, so a damaged one
 * is no loss.
 *
 * It is written before a file gets its name. So it may name files that never came to be, but no file
 * is missing in it.
 */
import { join } from 'node:path'
import * as z from 'zod'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { readSmallFile, writeSmallFile } from '../../channels/disk/files/small-file.ts'
import { COLUMN_TYPES, type FieldColumn } from './columns.ts'
import { CATALOGUE_NAME, dayOfDirectory } from './table-file.ts'
import { type TableLocation, tableDirectory } from './table-location.ts'

export const HIDDEN_CATALOGUE_NAME = `.${CATALOGUE_NAME}`
/** More than 100,000 files. */
const MAX_BYTES = 32 * 1024 * 1024

export interface FileFacts {
  readonly bytes: number
  readonly rows: number
  /** Of the whole file, eight hexadecimal digits. */
  readonly crc32: string
  /** Of the file whose place it takes: after a crash that one may still be there. */
  readonly formerCrc32?: string | undefined
  /** By column: how many values are NULL because they are of another type. */
  readonly drift: Readonly<Record<string, number>>
}

export interface Catalogue {
  readonly columns: readonly FieldColumn[]
  /** By path below the table's directory. */
  readonly files: ReadonlyMap<string, FileFacts>
  /** Days before it have expired: their files are not read, and are removed soon. */
  readonly keptFrom?: string | undefined
}

export const EMPTY_CATALOGUE: Catalogue = { columns: [], files: new Map() }

/** The columns of a table or a file, as JSON. */
export const columnsShape = z.array(
  z.object({
    name: z.string().min(1),
    path: z.array(z.string()).min(1).max(2),
    type: z.enum(COLUMN_TYPES),
    declaredType: z.string().optional(),
  }),
)

const count = z.int().min(0)
const checksum = z.string().regex(/^[0-9a-f]{8}$/)
const catalogueShape = z.object({
  version: z.literal(1),
  columns: columnsShape,
  keptFrom: z
    .string()
    .refine((day) => dayOfDirectory(`__dt=${day}`) === day)
    .optional(),
  files: z.record(
    z.string(),
    z.object({
      bytes: count,
      rows: count,
      crc32: checksum,
      formerCrc32: checksum.optional(),
      drift: z.record(z.string(), count).default({}),
    }),
  ),
})

/**
 * Undefined if there is none; `damaged` if it can't be parsed.
 * @throws a system error if it can't be read
 */
export async function readCatalogue(
  directory: string,
  table: TableLocation,
): Promise<Catalogue | 'damaged' | undefined> {
  const path = join(tableDirectory(directory, table), CATALOGUE_NAME)
  const bytes = await readSmallFile(nodeFileLayer, path, MAX_BYTES)
  return bytes === undefined ? undefined : (parse(bytes.toString('utf8')) ?? 'damaged')
}

/**
 * Its columns alone. Undefined if there is no catalogue, if it is damaged, or if it has more than
 * `maxBytes`.
 * @throws a system error if it can't be read
 */
export async function readColumns(
  directory: string,
  table: TableLocation,
  maxBytes: number,
): Promise<readonly FieldColumn[] | undefined> {
  const path = join(tableDirectory(directory, table), CATALOGUE_NAME)
  const bytes = await readSmallFile(nodeFileLayer, path, maxBytes)
  if (bytes === undefined || bytes.length > maxBytes) return undefined
  try {
    return z.object({ columns: columnsShape }).parse(JSON.parse(bytes.toString('utf8'))).columns
  } catch {
    return undefined
  }
}

/** Replaces it: after a crash there is the old one or the new one. */
export async function writeCatalogue(
  directory: string,
  table: TableLocation,
  catalogue: Catalogue,
): Promise<void> {
  const root = tableDirectory(directory, table)
  const hidden = join(root, HIDDEN_CATALOGUE_NAME)
  await nodeFileLayer.makeDirectory(root)
  await writeSmallFile(nodeFileLayer, hidden, Buffer.from(textOf(catalogue)))
  await nodeFileLayer.rename(hidden, join(root, CATALOGUE_NAME))
  await nodeFileLayer.syncDirectory(root)
}

/** By column, in all files. */
export function driftOf({ files }: Catalogue): Map<string, number> {
  const total = new Map<string, number>()
  for (const { drift } of files.values()) {
    for (const [name, values] of Object.entries(drift)) {
      total.set(name, (total.get(name) ?? 0) + values)
    }
  }
  return total
}

/** The facts of the files that `isKept` accepts. */
export function keepFacts(
  files: ReadonlyMap<string, FileFacts>,
  isKept: (path: string) => boolean,
): Map<string, FileFacts> {
  return new Map([...files].filter(([path]) => isKept(path)))
}

function textOf({ columns, files, keptFrom }: Catalogue): string {
  const tree = { version: 1, columns, keptFrom, files: Object.fromEntries(files) }
  return `${JSON.stringify(tree, null, 1)}\n`
}

function parse(text: string): Catalogue | undefined {
  try {
    const { columns, files, keptFrom } = catalogueShape.parse(JSON.parse(text))
    return { columns, keptFrom, files: new Map(Object.entries(files)) }
  } catch {
    return undefined
  }
}
