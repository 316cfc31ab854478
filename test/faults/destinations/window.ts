/**
 * Where messages may be stored twice, each copy needs a reason: a kill before which the data directory
 * did not have the message as settled, or an answer that was lost.
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
  /** When it had ended. */
  readonly endedAt: number
  /** By log id: the messages below are settled on disk. */
  readonly settled: ReadonlyMap<string, number>
}

/** The peer may read a request this long after its connection was cut, on a busy machine. */
const ON_THE_WAY_MS = 2_000
const SHOWN = 10

/** @param kill resolves when the program has ended */
export async function notedKill(kill: () => Promise<void>, directory: string): Promise<Kill> {
  const at = Date.now()
  await kill()
  const endedAt = Date.now()
  const settled = new Map<string, number>()
  const { channels } = await inspectDirectory(directory)
  for (const { logId, positions = {} } of channels) {
    if (logId !== undefined) settled.set(logId, Math.max(0, ...Object.values(positions)))
  }
  return { at, endedAt, settled }
}

export function hasPosition({ settled }: Kill): boolean {
  return [...settled.values()].some((position) => position > 0)
}

/** Copies without a reason, in words. */
export function windowViolations(
  arrivals: readonly Arrival[],
  kills: readonly Kill[],
  faults: readonly Span[],
): string[] {
  const window = new Window(kills, faults)
  const found: string[] = []
  for (const arrival of [...arrivals].sort((a, b) => a.at - b.at)) {
    const problem = window.problemOf(arrival)
    if (problem !== undefined) found.push(`${arrival.logId}-${arrival.offset} ${problem}`)
  }
  const more = found.length - SHOWN
  return more > 0 ? [...found.slice(0, SHOWN), `${more} more copies have no reason`] : found
}

class Window {
  readonly #kills: readonly Kill[]
  readonly #faults: readonly Span[]
  readonly #newest = new Map<string, Arrival>()
  /** When the newest request of each connection came. */
  readonly #lastOn = new Map<number, number>()

  constructor(kills: readonly Kill[], faults: readonly Span[]) {
    this.#kills = kills
    this.#faults = faults
  }

  /** Arrivals have to come in their order. */
  problemOf(arrival: Arrival): string | undefined {
    const { logId, offset, at, connection } = arrival
    const key = `${logId}-${offset}`
    const before = this.#newest.get(key)
    this.#newest.set(key, arrival)
    if (connection !== undefined) this.#lastOn.set(connection, at)
    if (before === undefined) return undefined
    const between = this.#kills.filter((kill) => kill.endedAt >= before.at && kill.at <= at)
    const isSettled = ({ settled }: Kill) => offset < (settled.get(logId) ?? 0)
    if (between.some((kill) => kill.endedAt <= at && isSettled(kill))) {
      return 'was sent again after a kill, although it was settled on disk'
    }
    if (between.length > 0) return undefined
    if (this.#wasAnswered(before)) return 'was sent again, although its answer had been read'
    return this.#hasReason(before, at) ? undefined : 'was sent again without a kill or a fault'
  }

  #wasAnswered({ at, connection }: Arrival): boolean {
    return connection !== undefined && (this.#lastOn.get(connection) ?? at) > at
  }

  #hasReason(before: Arrival, at: number): boolean {
    const since = before.at - ON_THE_WAY_MS
    if (this.#kills.some((kill) => kill.endedAt >= since && kill.at <= at)) return true
    return this.#faults.some(({ from, to }) => to >= since && from <= at)
  }
}
