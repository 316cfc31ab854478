/** Reads a range of a channel's messages from a data directory: by offset, by time, or both. */

import type { Message } from '../../../message.ts'
import type { FileLayer } from '../files/file-layer.ts'
import { Batch } from '../format/chunk.ts'
import { type ChunkPart, type StoredRange, storedChunks } from '../stored-chunks.ts'

const BATCH_MESSAGES = 1000

export interface ExportRange extends StoredRange {
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
  files?: FileLayer,
): AsyncGenerator<Message> {
  for await (const part of storedChunks(directory, range, files)) {
    for (const message of messagesOf(part)) if (isWithin(message, range)) yield message
  }
}

/** Records that can't be parsed are skipped. */
function* messagesOf({ chunk, from, to }: ChunkPart): Generator<Message> {
  let at = from
  while (at < to) {
    const batch = new Batch(BATCH_MESSAGES, Number.POSITIVE_INFINITY)
    chunk.collect(at, to, batch)
    yield* batch.messages
    at = batch.isFull
      ? (batch.messages.at(-1)?.offset ?? at) + 1
      : (batch.takeUnreadable()?.to ?? to)
  }
}

function isWithin(message: Message, { since, until }: ExportRange): boolean {
  return (
    (since === undefined || message.receivedAt >= since) &&
    (until === undefined || message.receivedAt < until)
  )
}
