/** The directories of a data directory that nothing can work without. */
import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConnectorError, messageOf, systemCodeOf, writeReasonOf } from '../../../errors.ts'

const NEEDED = ['journal', 'channels']
/** Without it no copies of damaged bytes are kept; but a link to somewhere else is refused too. */
const OPTIONAL = 'quarantine'

/**
 * One error for each that is something else, such as a file that was copied over it. One that does
 * not exist will be created.
 */
export async function misplacedParts(directory: string): Promise<ConnectorError[]> {
  const itself = await stat(directory).catch(() => undefined)
  if (itself !== undefined && !itself.isDirectory()) {
    return [misplaced(`${directory} is not a directory; remove it, or name another`)]
  }
  const found: ConnectorError[] = []
  for (const name of [...NEEDED, OPTIONAL]) {
    const path = join(directory, name)
    const part = await lstat(path).catch(() => undefined)
    if (part === undefined || part.isDirectory()) continue
    if (name !== OPTIONAL || part.isSymbolicLink()) found.push(problemOf(path, part))
  }
  return found
}

/** @throws {ConnectorError} StorageFailed, naming the first of them */
export async function expectParts(directory: string): Promise<void> {
  const [misplaced] = await misplacedParts(directory)
  if (misplaced !== undefined) throw misplaced
}

/** Why the directory can't be opened, with its full path and the call that failed. */
export function unusable(directory: string, error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error
  const call = systemCodeOf(error) === undefined ? '' : ` (${messageOf(error)})`
  const text = `the data directory ${resolve(directory)} can’t be used: ${writeReasonOf(error)}${call}`
  return new ConnectorError('StorageFailed', text, { cause: error })
}

function problemOf(path: string, found: Stats): ConnectorError {
  if (found.isSymbolicLink()) return linkInsteadOf(path)
  return misplaced(
    `${path} is not a directory; move it away, and put the directory back if it was moved: it has the messages that wait`,
  )
}

export function linkInsteadOf(path: string): ConnectorError {
  return misplaced(
    `expected a directory at ${path}, but it is a symbolic link, and links inside the data directory are not followed. Move the directory it leads to into its place, mount a file system there, or make storage.directory itself a link`,
  )
}

function misplaced(message: string): ConnectorError {
  return new ConnectorError('StorageFailed', message)
}
