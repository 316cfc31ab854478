/** Whether other users of the machine can get at a data directory that is there already. */
import { stat } from 'node:fs/promises'

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

/** As a shell reads it as one word. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
