/**
 * Which files of a table were offered, and which are stored: `_uploads.json` in its directory.
 *
 *     (none) ─ offered ─▶ waiting ─ uploaded ─▶ stored
 *
 * An offer is on disk before the upload begins, because from then on no compaction may replace the
 * file. That it is stored is written after the answer: after a crash in between it is uploaded again,
 * under the same name, and the service has it already.
 */
import { join } from 'node:path'
import * as z from 'zod'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { readSmallFile, writeSmallFile } from '../../channels/disk/files/small-file.ts'
import { UPLOADS_NAME } from '../tables/table-file.ts'
import { type TableLocation, tableDirectory } from '../tables/table-location.ts'

export type UploadState = 'waiting' | 'stored'

/** By path below the table's directory. */
export type UploadRecord = ReadonlyMap<string, UploadState>

const HIDDEN_NAME = `.${UPLOADS_NAME}`
const MAX_BYTES = 32 * 1024 * 1024

const shape = z.object({
  version: z.literal(1),
  files: z.record(z.string(), z.enum(['waiting', 'stored'])),
})

/**
 * Undefined if there is none; `damaged` if it can't be parsed.
 * @throws a system error if it can't be read
 */
export async function readUploadRecord(
  directory: string,
  table: TableLocation,
): Promise<UploadRecord | 'damaged' | undefined> {
  const path = join(tableDirectory(directory, table), UPLOADS_NAME)
  const bytes = await readSmallFile(nodeFileLayer, path, MAX_BYTES)
  if (bytes === undefined) return undefined
  try {
    return new Map(Object.entries(shape.parse(JSON.parse(bytes.toString('utf8'))).files))
  } catch {
    return 'damaged'
  }
}

/** Replaces it: after a crash there is the old one or the new one. @throws a system error */
export async function writeUploadRecord(
  directory: string,
  table: TableLocation,
  record: UploadRecord,
): Promise<void> {
  const root = tableDirectory(directory, table)
  const hidden = join(root, HIDDEN_NAME)
  const text = `${JSON.stringify({ version: 1, files: Object.fromEntries(record) }, null, 1)}\n`
  await nodeFileLayer.makeDirectory(root)
  await writeSmallFile(nodeFileLayer, hidden, Buffer.from(text))
  await nodeFileLayer.rename(hidden, join(root, UPLOADS_NAME))
  await nodeFileLayer.syncDirectory(root)
}
