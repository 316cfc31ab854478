/** A log as it lies in a directory, for those that only read. */
import { join } from 'node:path'
import { systemCodeOf } from '../../errors.ts'
import { OffsetRanges } from '../log/offset-ranges.ts'
import type { FileLayer, OpenFile } from './files/file-layer.ts'
import type { LogIdentity } from './format/frame.ts'
import { FileView } from './format/frame-walk.ts'
import { decodeState, highestOffset, readStateFile } from './format/state-file.ts'
import { type Extent, Extents } from './journal/extents.ts'
import { findHistory } from './journal/journal-history.ts'
import { type FoundJournal, identityText, readJournal } from './journal/journal-reading.ts'
import type { Segment } from './segments/segment.ts'
import { findIdentity, segmentsOf } from './segments/segment-listing.ts'
import { scanSegment } from './segments/segment-scan.ts'

/** A reader settles nothing, and its slots are not reused. */
const READ_ONLY_USER = { settle: () => Promise.resolve(), forget() {} }

interface KnownEnds {
  /** The offset after the last message of the segments. */
  readonly segments: number
  /** What the journal or the state file says; `Infinity` if they say nothing. */
  readonly log: number
}

export class StoredLog {
  readonly identity: LogIdentity
  readonly mayOverlap = true
  readonly segments: readonly Segment[]
  readonly extents: Extents
  readonly wantedFrom: number | undefined
  /** Slots that are kept for replay. They may lie between the extents. */
  readonly #history = new Extents(READ_ONLY_USER)
  readonly #ends: KnownEnds
  readonly #files: OpenFile[] = []

  constructor(
    identity: LogIdentity,
    segments: readonly Segment[],
    extents: Extents,
    ends: KnownEnds,
    wantedFrom: number | undefined,
  ) {
    this.wantedFrom = wantedFrom
    this.identity = identity
    this.segments = segments
    this.extents = extents
    this.#ends = ends
  }

  get identityText(): string {
    return identityText(this.identity)
  }

  /** The oldest offset that has no gap behind it: history adjoins it. */
  get start(): number {
    const held = this.#held()
    const end = this.#endOf(held)
    if (!held.has(end - 1)) return end
    let start = end
    for (const { from } of held) start = from
    return start
  }

  #held(): OffsetRanges {
    const held = new OffsetRanges()
    const base = this.segments[0]?.base
    if (base !== undefined && base < this.#ends.segments) held.add(base, this.#ends.segments)
    for (const { list } of [this.extents, this.#history]) {
      for (const { firstOffset, endOffset } of list) held.add(firstOffset, endOffset)
    }
    return held
  }

  #endOf(held: OffsetRanges): number {
    let end = 0
    for (const { to } of held) end = to
    const { log } = this.#ends
    if (log === Number.POSITIVE_INFINITY) return end === 0 ? log : end
    return Math.max(log, end)
  }

  /** The oldest offset. */
  get first(): number {
    const starts = [this.segments[0]?.base, this.extents.firstOffset, this.#history.firstOffset]
    return Math.min(...starts.map((start) => start ?? Number.POSITIVE_INFINITY))
  }

  /** The offset after the last message that was ever there, readable or not. 0 without messages. */
  get knownEnd(): number {
    const end = this.#endOf(this.#held())
    return end === Number.POSITIVE_INFINITY ? 0 : end
  }

  /** The offset after the last message; `Infinity` if only reading can tell. */
  get end(): number {
    const ends = [this.extents, this.#history].map(({ list }) => list.at(-1)?.endOffset ?? 0)
    return Math.max(...ends, this.segments.at(-1)?.end ?? 0)
  }

  /** What the journal has of `offset`. */
  extentOf(offset: number): Extent | undefined {
    return this.extents.find(offset) ?? this.#history.find(offset)
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
      ...this.#history.list.map((extent) => extent.firstOffset),
      this.end,
    ]
    return Math.min(...places.filter((place) => place > offset))
  }

  addHistory(...where: Parameters<Extents['addHistory']>): void {
    this.#history.addHistory(...where)
  }

  async openSlots(files: FileLayer): Promise<void> {
    for (const { slot } of [...this.extents.list, ...this.#history.list]) {
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

export interface StoredLogOptions {
  /** Of the directory, if it has been read just now. */
  readonly journal?: FoundJournal
  /** Older messages that are kept for replay only need not be found. Default: all are wanted. */
  readonly wantedFrom?: (identity: LogIdentity) => number
}

/**
 * Undefined if the directory has no such log. Before its extents are read, its slots must be opened.
 * @throws a system error when files can't be read
 */
export async function openStoredLog(
  files: FileLayer,
  directory: string,
  channel: string,
  options: StoredLogOptions = {},
): Promise<StoredLog | undefined> {
  const path = join(directory, 'channels', channel)
  const journal = options.journal ?? (await readJournal(files, join(directory, 'journal')))
  const segments = segmentsOf(path, await files.list(path))
  const found = logOf(journal, channel)
  const identity = found?.identity ?? (await findIdentity(files, path, segments))
  if (identity === undefined) return undefined
  const extents = new Extents(READ_ONLY_USER)
  const known = found ?? journal.logs.get(identityText(identity))
  for (const frame of known?.frames ?? []) extents.add(frame)
  const entry = journal.isClean ? undefined : known?.entry
  const ends = {
    segments: await endOfSegments(files, segments, identity, extents.firstOffset),
    log: entry?.end ?? (await endOfState(files, path)),
  }
  segments.at(-1)?.endsAt({ end: Number.POSITIVE_INFINITY })
  const log = new StoredLog(identity, segments, extents, ends, options.wantedFrom?.(identity))
  await findHistory(files, journal, [log])
  return log
}

async function endOfSegments(
  files: FileLayer,
  segments: readonly Segment[],
  identity: LogIdentity,
  journaledFrom = Number.POSITIVE_INFINITY,
): Promise<number> {
  const newest = segments.at(-1)
  if (newest === undefined) return 0
  const file = await files.open(newest.logPath, 'read').catch((error: unknown) => {
    // The process that uses the directory has removed it meanwhile.
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return newest.base
  try {
    const bounds = { base: newest.base, limit: Number.POSITIVE_INFINITY, known: 0, journaledFrom }
    return (await scanSegment(new FileView(file, newest.bytes, true), identity, bounds)).end
  } finally {
    await file.close()
  }
}

/** `Infinity` if there is no readable state. */
async function endOfState(files: FileLayer, directory: string): Promise<number> {
  const bytes = await readStateFile(files, directory)
  const state = bytes && decodeState(bytes)
  return state === undefined ? Number.POSITIVE_INFINITY : highestOffset(state)
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
