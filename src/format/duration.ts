/** Durations, from seconds. */

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** From the largest: the size of the first part, its unit, the size of the second part, its unit. */
const PARTS: readonly (readonly [number, string, number, string])[] = [
  [DAY, 'd', HOUR, 'h'],
  [HOUR, 'h', MINUTE, 'min'],
  [MINUTE, 'min', 1, 's'],
]

/** In two parts, cut: `41 ms`, `14 s`, `5 min 20 s`, `2 h 10 min`, `3 d 4 h`. */
export function durationText(seconds: number): string {
  const [size, unit, lesser, lesserUnit] = PARTS.find(([part]) => seconds >= part) ?? [0, '', 0, '']
  if (size === 0) return shortText(seconds)
  const rest = Math.floor((seconds % size) / lesser)
  const first = `${Math.floor(seconds / size)} ${unit}`
  return rest === 0 ? first : `${first} ${rest} ${lesserUnit}`
}

/** In one part, for what is an estimate: `6 min`, `41 h`; days from three days on. */
export function roughDurationText(seconds: number): string {
  if (seconds >= 3 * DAY) return `${Math.floor(seconds / DAY)} d`
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h`
  if (seconds >= MINUTE) return `${Math.floor(seconds / MINUTE)} min`
  return `${Math.max(1, Math.ceil(seconds))} s`
}

function shortText(seconds: number): string {
  if (seconds >= 1) return `${Math.floor(seconds)} s`
  if (seconds <= 0) return '0 s'
  return `${Math.max(1, Math.round(seconds * 1000))} ms`
}
