/** What a data directory holds of its channels, whether a connector uses it or not. */
import { join } from 'node:path'
import { isChannelName } from '../../channel-name.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { logIdText } from '../../channels/disk/format/frame.ts'
import { readJournal } from '../../channels/disk/journal/journal-reading.ts'
import { openStoredLog } from '../../channels/disk/stored-log.ts'

/** The messages `first ≤ offset < end` of one log. */
export interface StoredRows {
  /** Eight hexadecimal digits. */
  readonly logId: string
  readonly first: number
  readonly end: number
}

/**
 * The rows that the directory holds of the channel; undefined if there is no such channel. Between
 * `first` and `end`, damaged and removed messages may be missing.
 * @throws a system error when files can't be read
 */
export async function storedRows(
  directory: string,
  channel: string,
): Promise<StoredRows | undefined> {
  const log = await openStoredLog(nodeFileLayer, directory, channel)
  if (log === undefined) return undefined
  try {
    const { knownEnd: end } = log
    return { logId: logIdText(log.identity), first: Math.min(log.first, end), end }
  } finally {
    await log.close()
  }
}

/**
 * The names of the channels in the directory, in the order of the alphabet.
 * @throws a system error when files can't be read
 */
export async function storedChannels(directory: string): Promise<string[]> {
  const entries = await nodeFileLayer.list(join(directory, 'channels'))
  const { logs } = await readJournal(nodeFileLayer, join(directory, 'journal'))
  const names = [
    ...entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name),
    ...[...logs.values()].flatMap(({ entry }) => entry?.name ?? []),
  ]
  return [...new Set(names)].filter((name) => isChannelName(name)).sort()
}
