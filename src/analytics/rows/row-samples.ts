/** Messages from places of a stored log, without DuckDB: a scan costs more than a few messages. */
import { Batch } from '../../channels/disk/format/chunk.ts'
import { StoredChunks } from '../../channels/disk/stored-chunks.ts'
import type { Message } from '../../message.ts'
import type { RowRange } from './row-stream.ts'

/**
 * The messages of the ranges, in their order. Where some are damaged or gone, there are fewer.
 * @throws a system error when files can't be read
 */
export async function* storedMessages(
  directory: string,
  channel: string,
  ranges: readonly Omit<RowRange, 'channel'>[],
): AsyncGenerator<Message> {
  const log = new StoredChunks(directory, channel)
  try {
    for (const range of ranges) {
      for await (const { chunk, from, to } of log.read(range.from, range.to)) {
        const batch = new Batch(to - from, Number.POSITIVE_INFINITY)
        chunk.collect(from, to, batch)
        yield* batch.messages
      }
    }
  } finally {
    await log.close()
  }
}
