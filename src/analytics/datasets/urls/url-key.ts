/** The key that URLs of contents are signed with. It stays in the data directory. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FileLayer } from '../../../channels/disk/files/file-layer.ts'
import { readSmallFile, writeSmallFile } from '../../../channels/disk/files/small-file.ts'
import { ConnectorError, writeReasonOf } from '../../../errors.ts'

const NAME = 'url.key'
const KEY_BYTES = 32

/**
 * The stored key. If there is none, or it is damaged, there is a new one, and earlier URLs are no
 * longer valid.
 * @throws {ConnectorError} StorageFailed
 */
export async function openUrlKey(files: FileLayer, directory: string): Promise<Buffer> {
  const path = join(directory, NAME)
  try {
    const stored = await readSmallFile(files, path, KEY_BYTES)
    if (stored?.length === KEY_BYTES) return stored
    const key = randomBytes(KEY_BYTES)
    await files.makeDirectory(directory)
    await writeSmallFile(files, `${path}.tmp`, key)
    await files.rename(`${path}.tmp`, path)
    await files.syncDirectory(directory)
    return key
  } catch (cause) {
    const text = `${path} can’t be written: ${writeReasonOf(cause)}`
    throw new ConnectorError('StorageFailed', text, { cause })
  }
}
