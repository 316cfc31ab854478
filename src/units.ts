/** Quantities as people write them: `30s`, `7d`, `64MiB`, `2 messages`. */

/** Both lists begin with the largest unit: a value is written in the first that divides it. */
const DURATION_UNITS: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]
const SIZE_UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ['TiB', 1024 ** 4],
  ['TB', 1e12],
  ['GiB', 1024 ** 3],
  ['GB', 1e9],
  ['MiB', 1024 ** 2],
  ['MB', 1e6],
  ['KiB', 1024],
  ['kB', 1e3],
  ['B', 1],
]

const QUANTITY = /^([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([A-Za-z]+)$/

/** Milliseconds; undefined if `text` is not a number with a unit of time. */
export function parseDuration(text: string): number | undefined {
  return parse(text, new Map(DURATION_UNITS))
}

/** Bytes; undefined if `text` is not a number with a unit of size. */
export function parseSize(text: string): number | undefined {
  const bytes = parse(text, new Map(SIZE_UNITS))
  return bytes === undefined ? undefined : Math.round(bytes)
}

/** In the largest unit that leaves no remainder: `parseDuration` reads the same number back. */
export function formatDuration(milliseconds: number): string {
  return milliseconds === 0 ? '0s' : format(milliseconds, DURATION_UNITS)
}

/** In the largest unit that leaves no remainder: `parseSize` reads the same number back. */
export function formatSize(bytes: number): string {
  return format(bytes, SIZE_UNITS)
}

/** Such as `1 message`, `2000 messages`. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`
}

function parse(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const [, count, unit = ''] = QUANTITY.exec(text) ?? []
  const factor = units.get(unit)
  // Three decimals are all that is read; what binary fractions add beyond is cut off.
  return factor === undefined ? undefined : Math.round(Number(count) * factor * 1000) / 1000
}

function format(amount: number, units: readonly (readonly [string, number])[]): string {
  const [unit, factor] = units.find(([, size]) => amount >= size && amount % size === 0) ??
    units.at(-1) ?? ['', 1]
  return `${amount / factor}${unit}`
}
