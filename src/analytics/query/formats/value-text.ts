/**
 * Values as text and as JSON. Nothing is rounded: whole numbers and decimals keep all their digits,
 * times their microseconds. Binary values become base64.
 */
import type { DuckDBBlobValue, DuckDBValue } from '@duckdb/node-api'
import { loadDuckdb } from '../../duckdb/load-duckdb.ts'

const duckdb = loadDuckdb()

/** Text as it is; lists and structs as JSON. `null` has no text. */
export function valueText(value: Exclude<DuckDBValue, null>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (value instanceof duckdb.DuckDBBlobValue) return base64(value)
  return timeOf(value) ?? (isNested(value) ? valueJson(value) : String(value))
}

/** NaN and infinity, which JSON does not have, are null. */
export function valueJson(value: DuckDBValue): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof duckdb.DuckDBDecimalValue) return String(value)
  if (value instanceof duckdb.DuckDBBlobValue) return `"${base64(value)}"`
  return nestedJson(value) ?? JSON.stringify(timeOf(value) ?? String(value))
}

/** A text that DuckDB says is JSON, on one line. */
export function lineOfJson(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text)
    // As it is, so that no digit is lost, unless it has lines.
    return /[\r\n]/.test(text) ? JSON.stringify(parsed) : text
  } catch {
    // DuckDB takes NaN for JSON.
    return JSON.stringify(text)
  }
}

function isNested(value: DuckDBValue): boolean {
  return (
    value instanceof duckdb.DuckDBListValue ||
    value instanceof duckdb.DuckDBArrayValue ||
    value instanceof duckdb.DuckDBStructValue ||
    value instanceof duckdb.DuckDBMapValue
  )
}

function nestedJson(value: DuckDBValue): string | undefined {
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue) {
    return `[${value.items.map(valueJson).join(',')}]`
  }
  if (value instanceof duckdb.DuckDBStructValue) {
    const members = Object.entries(value.entries).map(([name, item]) => member(name, item))
    return `{${members.join(',')}}`
  }
  if (value instanceof duckdb.DuckDBMapValue) {
    const members = value.entries.map((entry) =>
      member(entry.key === null ? '' : valueText(entry.key), entry.value),
    )
    return `{${members.join(',')}}`
  }
  if (value instanceof duckdb.DuckDBUnionValue || value instanceof duckdb.DuckDBVariantValue) {
    return valueJson(value.value)
  }
  return undefined
}

function member(name: string, value: DuckDBValue): string {
  return `${JSON.stringify(name)}:${valueJson(value)}`
}

function base64({ bytes }: DuckDBBlobValue): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** ISO 8601; with a Z if the value says which moment it is. Undefined for other values. */
function timeOf(value: DuckDBValue): string | undefined {
  if (value instanceof duckdb.DuckDBTimestampTZValue)
    return isoTime(value.micros, 'Z') ?? String(value)
  const micros = microsOf(value)
  return micros === undefined ? undefined : (isoTime(micros, '') ?? String(value))
}

function microsOf(value: DuckDBValue): bigint | undefined {
  if (value instanceof duckdb.DuckDBTimestampValue) return value.micros
  if (value instanceof duckdb.DuckDBTimestampMillisecondsValue) return value.millis * 1000n
  if (value instanceof duckdb.DuckDBTimestampSecondsValue) return value.seconds * 1_000_000n
  if (value instanceof duckdb.DuckDBTimestampNanosecondsValue) return value.nanos / 1000n
  return undefined
}

/** Undefined for infinity and for years that ISO 8601 has no four digits for. */
function isoTime(micros: bigint, zone: string): string | undefined {
  const rest = ((micros % 1000n) + 1000n) % 1000n
  const time = new Date(Number((micros - rest) / 1000n))
  const year = time.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) return undefined
  const digits = rest === 0n ? '' : String(rest).padStart(3, '0')
  return `${time.toISOString().slice(0, -1)}${digits}${zone}`
}
