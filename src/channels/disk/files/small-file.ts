/** Reads and writes small files as a whole: states, indexes, reports. */
import { systemCodeOf } from '../../../errors.ts'
import type { FileLayer } from './file-layer.ts'

/**
 * The first `maxBytes` of a file, and one more if it has more: no caller accepts a file of that
 * length. Undefined if there is no such file.
 */
export async function readSmallFile(
  files: FileLayer,
  path: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const file = await files.open(path, 'read').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const bytes = Buffer.alloc(Math.min(await file.bytes(), maxBytes + 1))
    return bytes.subarray(0, await file.read(bytes, bytes.length, 0))
  } finally {
    await file.close()
  }
}

/** Writes and syncs the contents; the name is not synced. */
export async function writeSmallFile(files: FileLayer, path: string, bytes: Buffer): Promise<void> {
  const file = await files.open(path, 'replace')
  try {
    await file.write(bytes, 0, bytes.length, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}
