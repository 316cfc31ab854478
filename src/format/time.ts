/** Points in time for people: the zone of who looks, or UTC. For programs there is ISO 8601. */

export type Zone = 'local' | 'utc'

/** `2026-11-28 09:31:07`; `at` is in milliseconds since 1970. */
export function dateTimeText(at: number, zone: Zone): string {
  return `${dateText(at, zone)} ${clockText(at, zone)}`
}

/** `09:31:07`, with milliseconds `09:31:07.114`. */
export function clockText(at: number, zone: Zone, withMilliseconds = false): string {
  const text = inZone(at, zone)
  return withMilliseconds ? text.slice(11, 23) : text.slice(11, 19)
}

/** `2026-11-28`. */
export function dateText(at: number, zone: Zone): string {
  return inZone(at, zone).slice(0, 10)
}

/** The name of the zone as an offset: `UTC`, `UTC+01:00`. */
export function zoneText(at: number, zone: Zone): string {
  const minutes = zone === 'utc' ? 0 : -new Date(at).getTimezoneOffset()
  if (minutes === 0) return 'UTC'
  const size = Math.abs(minutes)
  const part = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `UTC${minutes < 0 ? '-' : '+'}${part(size / 60)}:${part(size % 60)}`
}

/** ISO 8601 of the clock on the wall there, without its zone. */
function inZone(at: number, zone: Zone): string {
  const offsetMs = zone === 'utc' ? 0 : new Date(at).getTimezoneOffset() * 60_000
  return new Date(at - offsetMs).toISOString()
}
