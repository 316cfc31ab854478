/** Whether a directory is a data directory: a typo must not look like a healthy, empty one. */
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import { usageError } from '../../exit-code.ts'

/** @throws a usage error if it is not, or has no such channel */
export async function assertDataDirectory(directory: string, channel?: string): Promise<void> {
  const channels = join(directory, 'channels')
  if (!(await isDirectory(channels))) {
    throw usageError(
      `${resolve(directory)} is not a data directory: there is no directory channels in it; name one with --data`,
    )
  }
  if (channel === undefined || (await isDirectory(join(channels, channel)))) return
  const { isInJournal } = await import('../../../channels/disk/stored-log.ts')
  if (await isInJournal(nodeFileLayer, directory, channel)) return
  throw usageError(`${directory} has no channel ${channel}`)
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() === true
}
