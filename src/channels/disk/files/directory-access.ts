/** Who can get at a data directory: other users of the machine, or not even the connector. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConnectorError, messageOf, systemCodeOf, writeReasonOf } from '../../../errors.ts'

const OTHERS = 0o077
const PERMISSIONS = 0o777

/**
 * A sentence with the command that closes the directory; undefined if only its owner can use it, or
 * if there is none yet: the connector creates its directory and files for the owner alone. It never
 * changes an existing one, because somebody may have opened it on purpose, as for a backup.
 */
export async function accessAdvice(directory: string): Promise<string | undefined> {
  const found = await stat(directory).catch(() => undefined)
  if (found === undefined || !found.isDirectory() || (found.mode & OTHERS) === 0) return undefined
  const mode = (found.mode & PERMISSIONS).toString(8).padStart(3, '0')
  return `${directory} is open to other users of this machine (mode ${mode}): they may read messages, sessions and dead letters in it. To close it: chmod -R go= ${quoted(directory)}`
}

/** Why the directory can't be opened, with its full path and the call that failed. */
export function unusable(directory: string, error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error
  const call = systemCodeOf(error) === undefined ? '' : ` (${messageOf(error)})`
  const text = `the data directory ${resolve(directory)} can’t be used: ${writeReasonOf(error)}${call}`
  return new ConnectorError('StorageFailed', text, { cause: error })
}

/** As a shell reads it as one word. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
