/** Where `tail` begins: `earliest`, `now`, an offset, a time, or how long ago. */
import { InvalidArgumentError } from 'commander'

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** The value of the connector's `from`: as given, times as ISO 8601 in UTC. */
export function parseStartPoint(text: string, now: number = Date.now()): string {
  if (text === 'earliest' || text === 'now' || /^[0-9]{1,15}$/.test(text)) return text
  const ago = /^([0-9]{1,9})([smhd])$/.exec(text)
  const time = ago ? now - Number(ago[1]) * (MS_PER_UNIT[ago[2] ?? ''] ?? 0) : Date.parse(text)
  if (Number.isFinite(time) && Math.abs(time) <= 8.64e15) return new Date(time).toISOString()
  throw new InvalidArgumentError(
    'Expected earliest, now, an offset, a time such as 2026-01-31T12:00:00Z, or 15m for 15 minutes ago.',
  )
}
