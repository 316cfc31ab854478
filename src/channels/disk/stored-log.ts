/** A log as it lies in a directory, for `export`, which only reads. */
import { join } from 'node:path'
import type { FileLayer, OpenFile } from './files/file-layer.ts'
import type { LogIdentity } from './format/frame.ts'
import { Extents } from './journal/extents.ts'
import { findHistory } from './journal/journal-history.ts'
import { type FoundJournal, identityText, readJournal } from './journal/journal-reading.ts'
import type { Segment } from './segments/segment.ts'
import { findIdentity, segmentsOf } from './segments/segment-listing.ts'

/** A reader settles nothing, and its slots are not reused. */
const READ_ONLY_USER = { settle: () => Promise.resolve(), forget() {} }

export class StoredLog {
  readonly identity: LogIdentity
  readonly segments: readonly Segment[]
  readonly extents: Extents
  readonly #files: OpenFile[] = []

  constructor(identity: LogIdentity, segments: readonly Segment[], extents: Extents) {
    this.identity = identity
    this.segments = segments
    this.extents = extents
  }

  get identityText(): string {
    return identityText(this.identity)
  }

  get start(): number {
    const none = Number.POSITIVE_INFINITY
    return Math.min(this.segments[0]?.base ?? none, this.extents.firstOffset ?? none)
  }

  /** The offset after the last message; `Infinity` if only reading can tell. */
  get end(): number {
    return Math.max(this.extents.list.at(-1)?.endOffset ?? 0, this.segments.at(-1)?.end ?? 0)
  }

  /** The segment that would hold `offset`. */
  segmentOf(offset: number): Segment | undefined {
    return this.segments.findLast((segment) => segment.base <= offset && offset < segment.end)
  }

  /** The next offset at which there may be a message if there is none at `offset`. */
  nextPlace(offset: number): number {
    const places = [
      ...this.segments.map((segment) => segment.base),
      ...this.extents.list.map((extent) => extent.firstOffset),
      this.end,
    ]
    return Math.min(...places.filter((place) => place > offset))
  }

  addHistory(...where: Parameters<Extents['addHistory']>): void {
    this.extents.addHistory(...where)
  }

  async openSlots(files: FileLayer): Promise<void> {
    for (const { slot } of this.extents.list) {
      if (slot.file !== undefined) continue
      const file = await files.open(slot.path, 'read')
      slot.opened(file)
      this.#files.push(file)
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close()
  }
}

/** Undefined if the directory has no such log. @throws a system error when files can't be read */
export async function openStoredLog(
  files: FileLayer,
  directory: string,
  channel: string,
): Promise<StoredLog | undefined> {
  const path = join(directory, 'channels', channel)
  const journal = await readJournal(files, join(directory, 'journal'))
  const segments = segmentsOf(path, await files.list(path))
  const found = logOf(journal, channel)
  const identity = found?.identity ?? (await findIdentity(files, path, segments))
  if (identity === undefined) return undefined
  const extents = new Extents(READ_ONLY_USER)
  const known = found ?? journal.logs.get(identityText(identity))
  for (const frame of known?.frames ?? []) extents.add(frame)
  segments.at(-1)?.endsAt({ end: Number.POSITIVE_INFINITY })
  const log = new StoredLog(identity, segments, extents)
  await findHistory(files, journal, [log])
  await log.openSlots(files)
  return log
}

/** Whether the journal knows the channel. @throws a system error when files can't be read */
export async function isInJournal(
  files: FileLayer,
  directory: string,
  channel: string,
): Promise<boolean> {
  return logOf(await readJournal(files, join(directory, 'journal')), channel) !== undefined
}

/** What the journal holds of the channel, by the name in its newest entry. */
export function logOf({ logs }: FoundJournal, channel: string) {
  return [...logs.values()].findLast((log) => log.entry?.name === channel)
}
