/** Reads a file that the user has named, or says plainly why it can't be read. */
import { readFile } from 'node:fs/promises'
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'it may not be read',
  EPERM: 'it may not be read',
}

/** Throws `InvalidConfiguration`. */
export async function readGivenFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (thrown) {
    const reason = REASONS[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown)
    throw new ConnectorError('InvalidConfiguration', `Can’t read ${file}: ${reason}`, {
      cause: thrown,
    })
  }
}
