/** Files that commands write for the connector, and that nobody else may read. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConnectorError, writeReasonOf } from '../errors.ts'

/** Only the owner may read the file. */
const FILE_MODE = 0o600

/** A reader gets the whole old file or the whole new one, also after a power cut. */
export async function replaceSecretFile(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const handle = await open(fresh, 'wx', FILE_MODE)
    try {
      // The connector must be able to read its file, whichever user runs the command.
      const known = await stat(file).catch(() => undefined)
      if (known !== undefined) await handle.chown(known.uid, known.gid).catch(() => undefined)
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (thrown) {
    await rm(fresh, { force: true })
    throw new ConnectorError(
      'InvalidConfiguration',
      `Can’t write ${resolve(file)}: ${writeReasonOf(thrown)}`,
      { cause: thrown },
    )
  }
}
