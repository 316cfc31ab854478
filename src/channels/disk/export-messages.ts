/**
 * Reads a range of a channel from a directory, stopped or in use, without a lock and without
 * changing anything.
 */
import { join } from 'node:path'
import { systemCodeOf } from '../../errors.ts'
import type { Message } from '../../message.ts'
import { Batch } from './chunk.ts'
import type { FileLayer } from './file-layer.ts'
import { nodeFileLayer } from './node-file-layer.ts'
import type { Segment } from './segment.ts'
import { findIdentity, segmentsOf } from './segment-listing.ts'
import { SegmentReader, type Window } from './segment-reader.ts'

const BATCH_MESSAGES = 1000

export interface ExportRange {
  readonly channel: string
  /** First offset; the oldest when undefined. */
  readonly from?: number | undefined
  /** Offset after the last; what there is at the time of the call when undefined. */
  readonly to?: number | undefined
  /** Milliseconds since 1970: messages received before are left out. */
  readonly since?: number | undefined
  /** Milliseconds since 1970: messages received at or after are left out. */
  readonly until?: number | undefined
}

/** Messages in order; damaged ones are stepped over. @throws a system error when files can't be read */
export async function* exportMessages(
  directory: string,
  range: ExportRange,
  files: FileLayer = nodeFileLayer,
): AsyncGenerator<Message> {
  const path = join(directory, 'channels', range.channel)
  const segments = segmentsOf(path, await files.list(path))
  const identity = await findIdentity(files, segments)
  if (identity === undefined) return
  const newest = segments.at(-1)
  if (newest !== undefined) newest.end = Number.POSITIVE_INFINITY
  const reader = new SegmentReader(files, identity)
  try {
    for (const segment of segments) {
      const from = Math.max(range.from ?? 0, segment.base)
      const to = Math.min(range.to ?? Number.POSITIVE_INFINITY, segment.end)
      for await (const message of segmentMessages(reader, segment, from, to)) {
        if (isWithin(message, range)) yield message
      }
    }
  } finally {
    await reader.close()
  }
}

async function* segmentMessages(
  reader: SegmentReader,
  segment: Segment,
  from: number,
  to: number,
): AsyncGenerator<Message> {
  let at = from
  while (at < to) {
    const window = await windowOf(reader, segment, at)
    if (window.kind === 'end') return
    if (window.kind === 'damage') {
      at = window.to
      continue
    }
    const { chunk } = window
    const end = Math.min(chunk.endOffset, to)
    while (at < end) {
      const batch = new Batch(BATCH_MESSAGES, Number.POSITIVE_INFINITY)
      chunk.collect(at, end, batch)
      yield* batch.messages
      at = batch.isFull ? (batch.messages.at(-1)?.offset ?? at) + 1 : (batch.unreadable?.to ?? end)
    }
  }
}

/** A segment that was removed meanwhile, by the process that uses the directory, has ended. */
async function windowOf(reader: SegmentReader, segment: Segment, at: number): Promise<Window> {
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
