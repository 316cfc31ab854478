/** Which part of a channel is exported: from here, up to there. */
import { InvalidArgumentError } from 'commander'
import { parseStartPoint } from '../../start-point.ts'

export interface ExportPoints {
  /** As `parseStartPoint` gives it; undefined: the oldest. */
  readonly from: string | undefined
  /** Not included; undefined: up to the end there is now. */
  readonly to: string | undefined
}

/** Offsets and times that `exportMessages` understands. */
export function rangeOf({ from, to }: ExportPoints) {
  return { ...lower(from), ...upper(to) }
}

/** For `--to`. */
export function parseEndPoint(text: string): string {
  if (text !== 'earliest' && text !== 'now') return parseStartPoint(text)
  throw new InvalidArgumentError(
    'Expected an offset, a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.',
  )
}

function lower(point: string | undefined) {
  if (point === undefined || point === 'earliest') return {}
  if (point === 'now') return { since: Date.now() }
  return isOffset(point) ? { from: Number(point) } : { since: Date.parse(point) }
}

function upper(point: string | undefined) {
  if (point === undefined) return {}
  return isOffset(point) ? { to: Number(point) } : { until: Date.parse(point) }
}

function isOffset(point: string): boolean {
  return /^\d+$/.test(point)
}
