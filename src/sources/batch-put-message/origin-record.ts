/**
 * A record of the log of positions: JSON, because there is one for each batch and people may have
 * to read it. Records say what is there, never what is not, so the order in which they are read does
 * not matter:
 *
 *     {"k":["edge-1","site","presses","0a1b2c3d"],"f":1000,"r":[1000,1042,1043,1044],"a":1700000000000}
 *       connector, destination, channel, log   │      └─ stored: from, to, from, to   └─ last arrival
 *                                              └─ settled at the sender below
 */
import { NO_UPSTREAM, type OffsetRun, type Upstream } from '../../chain/origin.ts'

/** Connector, destination, channel and log. */
export type StreamKey = readonly [
  connector: string,
  destination: string,
  channel: string,
  logId: string,
]

export interface OriginRecord {
  readonly key: StreamKey
  readonly settledBelow: number
  readonly runs: readonly OffsetRun[]
  /** Milliseconds since 1970. */
  readonly lastAt: number
  /** Undefined: as in the record before. */
  readonly upstream: Upstream | undefined
}

export function encodeRecord({ key, settledBelow, runs, lastAt, upstream }: OriginRecord): Buffer {
  const numbers = runs.flatMap(({ from, to }) => [from, to])
  const path = upstream && { p: upstream.connectors, h: upstream.hops }
  return Buffer.from(JSON.stringify({ k: key, f: settledBelow, r: numbers, a: lastAt, ...path }))
}

/** Undefined if the record is not of this form. */
export function decodeRecord(record: Buffer): OriginRecord | undefined {
  const parsed = objectIn(record)
  if (parsed === undefined) return undefined
  const { k: key, f: settledBelow, r: numbers, a: lastAt, p: connectors, h: hops } = parsed
  if (!isKey(key) || !isCount(settledBelow) || !isCount(lastAt) || !isCounts(numbers)) return
  const upstream = upstreamOf(connectors, hops)
  if (upstream === undefined && connectors !== undefined) return undefined
  const runs: OffsetRun[] = []
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    runs.push({ from: numbers[i] ?? 0, to: numbers[i + 1] ?? 0 })
  }
  return { key, settledBelow, runs, lastAt, upstream }
}

function upstreamOf(connectors: unknown, hops: unknown): Upstream | undefined {
  if (!isTexts(connectors) || !isCount(hops)) return undefined
  return connectors.length === 0 ? NO_UPSTREAM : { connectors, hops }
}

function isKey(value: unknown): value is StreamKey {
  return isTexts(value) && value.length === 4
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function objectIn(json: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(json.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined
  } catch {
    return undefined
  }
}
