/** The state of a channel that was found at start: read from its log before it takes messages. */
import {
  type CursorStart,
  type RestoredCursors,
  restoreCursors,
} from './cursors/restored-cursors.ts'
import { type DeduplicationBounds, DeduplicationWindow } from './limits/deduplication-window.ts'
import type { ChannelLog } from './log/channel-log.ts'

export interface RestoredChannel extends RestoredCursors {
  /** Messages refused before they were appended, by code. */
  readonly refused: Readonly<Record<string, number>>
  readonly ids: DeduplicationWindow | undefined
}

export interface RestoreOptions {
  readonly cursorNames: readonly string[]
  readonly cursorStarts: Readonly<Record<string, CursorStart>>
  readonly deduplication: DeduplicationBounds | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

export async function restoreChannel(
  log: ChannelLog,
  { cursorNames, cursorStarts, deduplication, now }: RestoreOptions,
): Promise<RestoredChannel> {
  const state = await log.loadState()
  return {
    ...(await restoreCursors(log, state, cursorNames, cursorStarts)),
    refused: state?.refused ?? {},
    ids: deduplication && (await DeduplicationWindow.readBack(deduplication, log, now)),
  }
}
