/** What a data directory holds of its channels, whether a connector uses it or not. */
import { join } from 'node:path'
import { isChannelName } from '../../channel-name.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { logIdText } from '../../channels/disk/format/frame.ts'
import { type FoundJournal, readJournal } from '../../channels/disk/journal/journal-reading.ts'
import { openStoredLog } from '../../channels/disk/stored-log.ts'

/** The messages `first ≤ offset < end` of one log. */
export interface StoredRows {
  /** Eight hexadecimal digits. */
  readonly logId: string
  readonly first: number
  readonly end: number
}

/** All channels as they are at one moment: the journal, which they share, is read once. */
export class StoredDirectory {
  /** In the order of the alphabet. */
  readonly channels: readonly string[]
  readonly #path: string
  readonly #journal: FoundJournal

  private constructor(path: string, journal: FoundJournal, channels: readonly string[]) {
    this.#path = path
    this.#journal = journal
    this.channels = channels
  }

  /** @throws a system error when files can't be read */
  static async open(path: string): Promise<StoredDirectory> {
    const journal = await readJournal(nodeFileLayer, join(path, 'journal'))
    const entries = await nodeFileLayer.list(join(path, 'channels'))
    const names = [
      ...entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name),
      ...[...journal.logs.values()].flatMap(({ entry }) => entry?.name ?? []),
    ]
    const channels = [...new Set(names)].filter((name) => isChannelName(name)).sort()
    return new StoredDirectory(path, journal, channels)
  }

  /**
   * The rows that there are of the channel; undefined if there is no such channel. Between `first`
   * and `end`, damaged and removed messages may be missing.
   * @param wantedFrom of the log with this id, older rows need not be found. Default: all are wanted
   * @throws a system error when files can't be read
   */
  async rowsOf(
    channel: string,
    wantedFrom: (logId: string) => number = () => 0,
  ): Promise<StoredRows | undefined> {
    const log = await openStoredLog(nodeFileLayer, this.#path, channel, {
      journal: this.#journal,
      wantedFrom: (identity) => wantedFrom(logIdText(identity)),
    })
    if (log === undefined) return undefined
    const { knownEnd: end } = log
    const first = Math.max(log.first, wantedFrom(logIdText(log.identity)))
    return { logId: logIdText(log.identity), first: Math.min(first, end), end }
  }
}

/** As `StoredDirectory.rowsOf`, for one channel. */
export async function storedRows(
  directory: string,
  channel: string,
  wantedFrom?: (logId: string) => number,
): Promise<StoredRows | undefined> {
  return (await StoredDirectory.open(directory)).rowsOf(channel, wantedFrom)
}
