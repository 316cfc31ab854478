/** Whether a directory is one of the connector's: a slip of the fingers must not read as "all is well". */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import { usageError } from '../../exit-code.ts'

/** @throws a usage error where there is none, or no such channel in it */
export async function assertDataDirectory(directory: string, channel?: string): Promise<void> {
  const channels = join(directory, 'channels')
  if (!(await isDirectory(channels))) {
    throw usageError(`${directory} is no data directory: there is no ${channels}`)
  }
  if (channel === undefined || (await isDirectory(join(channels, channel)))) return
  const { isInJournal } = await import('../../../channels/disk/stored-log.ts')
  if (await isInJournal(nodeFileLayer, directory, channel)) return
  throw usageError(`${directory} holds no channel ${channel}`)
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() === true
}
