/**
 * Where the cursors of a channel are when it is opened: where they were, or, for a cursor that is
 * new to the channel, where its configuration lets it begin.
 */
import type { ChannelLog, ChannelState, CursorState } from '../log/channel-log.ts'
import { CursorPosition } from './cursor-position.ts'

/**
 * Where a new cursor of a channel with history begins: with messages that arrive from now on, with
 * the oldest message of the log, or with the first one received at a time (milliseconds since
 * 1970).
 */
export type CursorStart = 'now' | 'earliest' | { readonly time: number }

export interface RestoredCursors {
  readonly positions: ReadonlyMap<string, CursorPosition>
  /** By cursor: messages that had waited for it and are gone from the beginning of the log. */
  readonly missing: ReadonlyMap<string, number>
  /** Cursors that are not configured now. They go on from here when they are configured again. */
  readonly dormant: Readonly<Record<string, CursorState>>
}

/**
 * - A known cursor goes on where it was.
 * - A new primary cursor without a start of its own takes over the position and the counts of a
 *   former primary that is not configured any more.
 * - If the state is lost, every cursor begins with the oldest message: it is better to deliver
 *   messages twice than never.
 */
export async function restoreCursors(
  log: ChannelLog,
  state: ChannelState | undefined,
  names: readonly string[],
  starts: Readonly<Record<string, CursorStart>>,
): Promise<RestoredCursors> {
  const dormant: Record<string, CursorState> = { ...state?.cursors }
  const formerPrimary = Object.keys(dormant)[0]
  const positions = new Map<string, CursorPosition>()
  const missing = new Map<string, number>()
  for (const [index, name] of names.entries()) {
    const start = starts[name]
    let known = name
    if (!Object.hasOwn(dormant, name) && index === 0 && start === undefined) {
      if (formerPrimary !== undefined && !names.includes(formerPrimary)) known = formerPrimary
    }
    const saved = Object.hasOwn(dormant, known) ? dormant[known] : undefined
    delete dormant[known]
    const position =
      saved === undefined
        ? new CursorPosition(await startOffset(log, state === undefined ? 'earliest' : start))
        : CursorPosition.restored(saved, log.start, log.committed)
    positions.set(name, position)
    missing.set(name, damagedIn(position.dropped) - damagedIn(saved?.dropped))
  }
  return { positions, missing, dormant }
}

function damagedIn(dropped: Readonly<Record<string, number>> = {}): number {
  return dropped['DataDamaged'] ?? 0
}

async function startOffset(log: ChannelLog, start: CursorStart | undefined): Promise<number> {
  if (start === 'earliest') return log.start
  if (typeof start === 'object') return Math.max(log.start, await log.offsetAt(start.time))
  return log.committed
}
