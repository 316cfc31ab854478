/** Reads a file that the user named, or throws an error that says why that is impossible. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConnectorError, fileReasonOf } from '../../errors.ts'

/** Throws `InvalidConfiguration`. */
export async function readGivenFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (thrown) {
    const reason = fileReasonOf(thrown)
    throw new ConnectorError('InvalidConfiguration', `Can’t read ${resolve(file)}: ${reason}`, {
      cause: thrown,
    })
  }
}
