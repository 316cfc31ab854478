/**
 * Where messages may be stored twice, each copy needs a reason: a kill before which the data directory
 * did not have the message as settled, or a fault of the network.
 *
 *     ──stored──────────────kill─────────────stored again──▶
 *               position ≤ offset on disk
 */
import { inspectDirectory } from '../../../src/channels/disk/doctor/inspect.ts'
import type { Arrival } from './peer.ts'
import type { Span } from './storm.ts'

/** What a killed program left. Times are in ms since 1970. */
export interface Kill {
  readonly at: number
  /** By log id: the messages below are settled on disk. */
  readonly settled: ReadonlyMap<string, number>
}

/** Requests on their way may still arrive for this time. */
const ON_THE_WAY_MS = 2_000

export async function killAt(at: number, directory: string): Promise<Kill> {
  const settled = new Map<string, number>()
  const { channels } = await inspectDirectory(directory)
  for (const { logId, positions = {} } of channels) {
    if (logId !== undefined) settled.set(logId, Math.max(0, ...Object.values(positions)))
  }
  return { at, settled }
}

export function hasPosition({ settled }: Kill): boolean {
  return [...settled.values()].some((position) => position > 0)
}

/** What is outside of the window, in words. */
export function windowViolations(
  arrivals: readonly Arrival[],
  kills: readonly Kill[],
  faults: readonly Span[],
): string[] {
  const found: string[] = []
  const newest = new Map<string, Arrival>()
  for (const arrival of [...arrivals].sort((a, b) => a.at - b.at)) {
    const { logId, offset } = arrival
    const before = newest.get(`${logId}-${offset}`)
    newest.set(`${logId}-${offset}`, arrival)
    if (before === undefined) continue
    const between = kills.filter(({ at }) => at >= before.at && at <= arrival.at)
    if (between.some(({ settled }) => offset < (settled.get(logId) ?? 0))) {
      found.push(`${logId}-${offset} was sent again after a kill, although it was settled on disk`)
    } else if (between.length === 0 && !hasReason(before.at, arrival.at, kills, faults)) {
      found.push(`${logId}-${offset} was sent again without a kill or a fault`)
    }
  }
  return found
}

function hasReason(
  from: number,
  to: number,
  kills: readonly Kill[],
  faults: readonly Span[],
): boolean {
  const since = from - ON_THE_WAY_MS
  if (kills.some(({ at }) => at >= since && at <= to)) return true
  return faults.some((fault) => fault.to >= from && fault.from <= to)
}
