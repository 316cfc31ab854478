/**
 * Names of objects. They depend on nothing but the settings, the log and the boundaries of a batch,
 * so a batch that is sent again has the same name:
 *
 *     <prefix>/channel=<channel>/dt=<day>/<connector>-<log id>-<first offset>-<last offset>.<ending>
 *
 * `name=value` folders are partitions for Athena, Spark, DuckDB and others.
 */

const DAY_MS = 86_400_000
/** Machines without a clock begin in 1970, or where their firmware was built. */
const FIRST_PLAUSIBLE_MS = Date.UTC(2020, 0, 1)
/** The day of messages that arrived before the machine's clock was set. */
const UNKNOWN_DAY = 0
/** As many as the largest 64-bit number has: names sort in the order of offsets. */
const OFFSET_DIGITS = 20

export interface ObjectPlace {
  /** Without a slash at either end; empty for none. */
  readonly prefix: string
  readonly connectorId: string
  readonly channel: string
  readonly logId: string
  /** As `dayOf` returns it. */
  readonly day: number
  /** Offsets `from ≤ offset < to`. */
  readonly from: number
  readonly to: number
  readonly ending: string
}

/** The day of arrival in UTC, as days since 1970; 0 if the clock was not set. */
export function dayOf(receivedAt: number): number {
  return receivedAt < FIRST_PLAUSIBLE_MS ? UNKNOWN_DAY : Math.floor(receivedAt / DAY_MS)
}

export function objectKey(place: ObjectPlace): string {
  const { prefix, connectorId, channel, logId, day, from, to, ending } = place
  const date = new Date(day * DAY_MS).toISOString().slice(0, 10)
  const folder = prefix === '' ? '' : `${prefix}/`
  const name = `${connectorId}-${logId}-${digits(from)}-${digits(to - 1)}.${ending}`
  return `${folder}channel=${channel}/dt=${date}/${name}`
}

function digits(offset: number): string {
  return String(offset).padStart(OFFSET_DIGITS, '0')
}
