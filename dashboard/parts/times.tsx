/** Times, in the zone that was chosen; on hover as ISO 8601. */
import { durationText } from '../../src/format/duration.ts'
import { clockText, dateTimeText } from '../../src/format/time.ts'
import { now } from '../live/clock.ts'
import { zone } from '../live/preferences.ts'

/** `2026-11-28 09:31:07`. */
export function DateTime({ at }: { at: string }) {
  return (
    <time class="figure" datetime={at} title={at}>
      {dateTimeText(Date.parse(at), zone.value)}
    </time>
  )
}

/** `09:31:07.114`, for rows of which most are of today. */
export function ClockTime({ at }: { at: string }) {
  return (
    <time class="figure" datetime={at} title={at}>
      {clockText(Date.parse(at), zone.value, true)}
    </time>
  )
}

/** How long ago, counting on: `2 h 10 min`. */
export function Age({ of }: { of: string }) {
  return (
    <span class="figure" title={of}>
      {durationText(secondsSince(of))}
    </span>
  )
}

/** How long until then, counting down; `now` when it is over. */
export function Countdown({ to }: { to: string }) {
  const seconds = Math.ceil((Date.parse(to) - now.value) / 1000)
  return (
    <span class="figure" title={to}>
      {seconds <= 0 ? 'now' : `in ${durationText(seconds)}`}
    </span>
  )
}

/** By the connector's clock, and never negative. */
export function secondsSince(at: string): number {
  return Math.max(0, (now.value - Date.parse(at)) / 1000)
}
