/** The lines of the last hour: loaded once, then continued from the events, in fixed memory. */
import { signal } from '@preact/signals'
import type { History, Overview } from '../../src/http/api/shapes/overview.ts'
import { getJson } from '../api/client.ts'

/** An hour of points, one for every 10 s. */
const MAX_POINTS = 360
const STEP_MS = 10_000

export interface Lines {
  readonly in: readonly number[]
  readonly stored: readonly number[]
  readonly delivered: readonly number[]
  readonly waiting: readonly number[]
  /** When the last point ends. */
  readonly until: number
}

export const lines = signal<Lines | undefined>(undefined)

/** At the start, and again after a gap: the connector has kept what this page has missed. */
export async function loadHistory(): Promise<void> {
  try {
    const history = await getJson<History>('history')
    const points = history.in.length
    const until = Date.parse(history.from) + Math.max(0, points - 1) * STEP_MS
    lines.value = { ...history, until }
  } catch {
    // The figures are there without their lines, and the next connection asks again.
  }
}

/** Rates are means of 10 s, so one event in ten is a point. */
export function addToHistory({ now, rates, waiting }: Overview): void {
  const known = lines.peek()
  const at = Date.parse(now)
  if (known === undefined || at - known.until < STEP_MS) return
  lines.value = {
    in: added(known.in, rates.in),
    stored: added(known.stored, rates.stored),
    delivered: added(known.delivered, rates.delivered),
    waiting: added(known.waiting, waiting.messages),
    until: at,
  }
}

function added(points: readonly number[], point: number): readonly number[] {
  return [...points.slice(1 - MAX_POINTS), point]
}
