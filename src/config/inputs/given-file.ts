/** Reads a file that the user named, or throws an error that says why that is impossible. */
import { readFile } from 'node:fs/promises'
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
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
