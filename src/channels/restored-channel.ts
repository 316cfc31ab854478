/** What a channel found at start brings with it: read from its log before it takes messages. */

import {
  type CursorStart,
  type ReaderPositions,
  readerPositions,
} from './cursors/reader-positions.ts'
import { type DeduplicationBounds, DeduplicationWindow } from './limits/deduplication-window.ts'
import type { ChannelLog } from './log/channel-log.ts'

export interface RestoredChannel extends ReaderPositions {
  /** Messages refused before they were appended, by code. */
  readonly refused: Readonly<Record<string, number>>
  readonly ids: DeduplicationWindow | undefined
}

export interface RestoreOptions {
  readonly readers: readonly string[]
  readonly readerStarts: Readonly<Record<string, CursorStart>>
  readonly deduplication: DeduplicationBounds | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

export async function restoreChannel(
  log: ChannelLog,
  { readers, readerStarts, deduplication, now }: RestoreOptions,
): Promise<RestoredChannel> {
  const state = await log.loadState()
  return {
    ...(await readerPositions(log, state, readers, readerStarts)),
    refused: state?.refused ?? {},
    ids: deduplication && (await DeduplicationWindow.readBack(deduplication, log, now)),
  }
}
