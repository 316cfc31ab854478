/** Whether the connector could use its data directory. Creates and changes nothing. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { misplacedParts } from '../../channels/disk/files/directory-layout.ts'
import { DirectoryLock } from '../../channels/disk/files/directory-lock.ts'
import { ConnectorError, type ErrorCode, systemCodeOf, writeReasonOf } from '../../errors.ts'

const { R_OK, W_OK, X_OK } = constants
const OTHER = 'name another directory with --data (storage.directory)'
/** Directories in it that a start needs, if they are there. */
const PARTS = ['journal', 'channels']

export async function problemsOfDirectory(directory: string): Promise<ConnectorError[]> {
  const path = resolve(directory)
  const kind = await kindOf(path)
  if (kind === 'missing') return await problemsOfParent(path)
  if (kind === 'file') return [problem(`${path} is not a directory; remove it, or ${OTHER}`)]
  const denied = await denialOf(path)
  if (denied !== undefined) return [denied]
  const holder = await new DirectoryLock(path).holder().catch(() => undefined)
  if (holder !== undefined) {
    const by = `process ${holder.pid} on ${holder.host}`
    return [problem(`${by} uses ${path}; stop it, or ${OTHER}`, 'DirectoryLocked')]
  }
  const problems = (await misplacedParts(path)).map(({ message }) => problem(message))
  for (const part of PARTS.map((name) => join(path, name))) {
    const partDenied = (await kindOf(part)) === 'directory' ? await denialOf(part) : undefined
    if (partDenied !== undefined) problems.push(partDenied)
  }
  return problems
}

/** The start creates the directory in the nearest one that exists. */
async function problemsOfParent(path: string): Promise<ConnectorError[]> {
  let parent = dirname(path)
  while ((await kindOf(parent)) === 'missing' && parent !== dirname(parent)) {
    parent = dirname(parent)
  }
  if ((await kindOf(parent)) === 'file') {
    return [problem(`${path} can’t be created: ${parent} is not a directory; ${OTHER}`)]
  }
  const denied = await denialOf(parent)
  return denied === undefined ? [] : [denied]
}

async function kindOf(path: string): Promise<'directory' | 'file' | 'missing'> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file'
  } catch (thrown) {
    // With ENOTDIR, a file is where a directory on the way should be: the parent shows it. Any
    // other error shows again when the directory's permissions are checked.
    const code = systemCodeOf(thrown)
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'directory'
  }
}

async function denialOf(path: string): Promise<ConnectorError | undefined> {
  try {
    await access(path, R_OK | W_OK | X_OK)
    return undefined
  } catch (thrown) {
    return problem(`${path} can’t be written: ${writeReasonOf(thrown)}, or ${OTHER}`)
  }
}

function problem(text: string, code: ErrorCode = 'StorageFailed'): ConnectorError {
  return new ConnectorError(code, `storage.directory: ${text}`)
}
