/**
 * Reads a range of a channel's messages from a data directory, whether a connector uses it or not,
 * without a lock and without changing anything: from its segments and from the journal.
 */

import { systemCodeOf } from '../../../errors.ts'
import type { Message } from '../../../message.ts'
import type { FileLayer } from '../files/file-layer.ts'
import { nodeFileLayer } from '../files/node-file-layer.ts'
import { Batch, type Chunk } from '../format/chunk.ts'
import type { LogIdentity } from '../format/frame.ts'
import type { Window } from '../format/read-window.ts'
import { readExtent } from '../journal/extent-reader.ts'
import { SegmentReader } from '../segments/segment-reader.ts'
import { openStoredLog, type StoredLog } from '../stored-log.ts'

const BATCH_MESSAGES = 1000

export interface ExportRange {
  readonly channel: string
  /** The first offset; by default the oldest. */
  readonly from?: number | undefined
  /** The offset after the last; by default the log's end at the time of the call. */
  readonly to?: number | undefined
  /** Milliseconds since 1970: messages received before are left out. */
  readonly since?: number | undefined
  /** Milliseconds since 1970: messages received at or after are left out. */
  readonly until?: number | undefined
}

/**
 * Yields messages in order and skips damaged ones.
 * @throws a system error when files can't be read
 */
export async function* exportMessages(
  directory: string,
  range: ExportRange,
  files: FileLayer = nodeFileLayer,
): AsyncGenerator<Message> {
  const log = await openStoredLog(files, directory, range.channel)
  if (log === undefined) return
  const reader = new SegmentReader(files, log.identity)
  try {
    const to = Math.min(range.to ?? Number.POSITIVE_INFINITY, log.end)
    let at = Math.max(range.from ?? 0, log.first)
    while (at < to) {
      const window = await windowOf(log, reader, log.identity, at)
      if (window.kind === 'chunk') yield* messagesOf(window.chunk, at, to, range)
      at = endOf(window, at) ?? log.nextPlace(at)
    }
  } finally {
    await reader.close()
    await log.close()
  }
}

/** Where to go on behind the window; undefined if the window does not say. */
function endOf(window: Window, at: number): number | undefined {
  if (window.kind === 'end') return undefined
  const end = window.kind === 'chunk' ? window.chunk.endOffset : window.to
  return end > at ? end : undefined
}

/** Messages of the chunk from `from` to `to`. Records that can't be parsed are skipped. */
function* messagesOf(
  chunk: Chunk,
  from: number,
  to: number,
  range: ExportRange,
): Generator<Message> {
  const end = Math.min(chunk.endOffset, to)
  let at = from
  while (at < end) {
    const batch = new Batch(BATCH_MESSAGES, Number.POSITIVE_INFINITY)
    chunk.collect(at, end, batch)
    for (const message of batch.messages) if (isWithin(message, range)) yield message
    at = batch.isFull
      ? (batch.messages.at(-1)?.offset ?? at) + 1
      : (batch.takeUnreadable()?.to ?? end)
  }
}

/** A segment that the process using the directory has removed meanwhile counts as an end. */
async function windowOf(
  log: StoredLog,
  reader: SegmentReader,
  identity: LogIdentity,
  at: number,
): Promise<Window> {
  const extent = log.extentOf(at)
  if (extent !== undefined) return readExtent(extent, at, identity)
  const segment = log.segmentOf(at)
  if (segment === undefined) return { kind: 'end' }
  try {
    return await reader.window(segment, at, true)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return { kind: 'end' }
    throw error
  }
}

function isWithin(message: Message, { since, until }: ExportRange): boolean {
  return (
    (since === undefined || message.receivedAt >= since) &&
    (until === undefined || message.receivedAt < until)
  )
}
