/**
 * Where the readers of a channel stand when it is opened: where they were, or, for one the channel
 * doesn't know, where its configuration lets it begin.
 */
import type { ChannelLog, ChannelState, CursorState } from '../log/channel-log.ts'
import { CursorPosition } from './cursor-position.ts'

/**
 * Where a new reader of a channel with history begins: with what comes from now on, with the oldest
 * message the log holds, or with the first received at a time (milliseconds since 1970).
 */
export type CursorStart = 'now' | 'earliest' | { readonly time: number }

export interface ReaderPositions {
  readonly positions: ReadonlyMap<string, CursorPosition>
  /** Messages that had waited for a reader and are gone from the log's beginning. */
  readonly gone: ReadonlyMap<string, number>
  /** Of readers that are not configured just now: when they come back they go on. */
  readonly dormant: Readonly<Record<string, CursorState>>
}

/**
 * - A known reader goes on where it was.
 * - A new primary without a start of its own takes over from a primary that is gone, with its counts.
 * - When the state is lost, every reader begins with the oldest message: better twice than never.
 */
export async function readerPositions(
  log: ChannelLog,
  state: ChannelState | undefined,
  readers: readonly string[],
  starts: Readonly<Record<string, CursorStart>>,
): Promise<ReaderPositions> {
  const dormant: Record<string, CursorState> = { ...state?.cursors }
  const formerPrimary = Object.keys(dormant)[0]
  const positions = new Map<string, CursorPosition>()
  const gone = new Map<string, number>()
  for (const [index, reader] of readers.entries()) {
    const start = starts[reader]
    let known = reader
    if (!Object.hasOwn(dormant, reader) && index === 0 && start === undefined) {
      if (formerPrimary !== undefined && !readers.includes(formerPrimary)) known = formerPrimary
    }
    const before = Object.hasOwn(dormant, known) ? dormant[known] : undefined
    delete dormant[known]
    const position =
      before === undefined
        ? new CursorPosition(await startOffset(log, state === undefined ? 'earliest' : start))
        : CursorPosition.restored(before, log.start, log.committed)
    positions.set(reader, position)
    gone.set(reader, damagedIn(position.dropped) - damagedIn(before?.dropped))
  }
  return { positions, gone, dormant }
}

function damagedIn(dropped: Readonly<Record<string, number>> = {}): number {
  return dropped['DataDamaged'] ?? 0
}

async function startOffset(log: ChannelLog, start: CursorStart | undefined): Promise<number> {
  if (start === 'earliest') return log.start
  if (typeof start === 'object') return Math.max(log.start, await log.offsetAt(start.time))
  return log.committed
}
