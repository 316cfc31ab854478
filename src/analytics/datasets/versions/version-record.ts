/**
 * What is stored about one version of a dataset's content:
 *
 *     {"version":"0b7e…","state":"SUCCEEDED","cause":"schedule","createdAt":1764432000000,
 *      "scheduledAt":1764432000000,"completedAt":1764432001500,"attempts":1,
 *      "entries":[{"name":"result.csv","file":"0b7e….1-0.data","bytes":1204}], …}
 *
 * All times are milliseconds since 1970.
 */
import * as z from 'zod'

const whole = z.number().int()
const count = whole.min(0)

/** The time that the rows of a delta dataset have: `from <= time < until`. */
const timeWindow = z.strictObject({
  /** Undefined: since ever. */
  from: z.number().optional(),
  until: z.number(),
})

const entry = z.strictObject({
  /** As clients see it. It may be anything, and is never part of a path. */
  name: z.string().max(255),
  /** In the dataset's directory. */
  file: z.string().regex(/^[\w-]{7,36}\.\d+-\d+\.data$/),
  bytes: count,
})

const target = z.union([
  z.strictObject({ bucket: z.string(), key: z.string() }),
  z.strictObject({ inputName: z.string() }),
])

const delivery = z.strictObject({
  /** Undefined: the rule names no entry that there is. */
  entry: count.optional(),
  target,
  state: z.enum(['WAITING', 'DELIVERED', 'FAILED', 'NOT_CONFIGURED']),
  attempts: count,
  reason: z.string().optional(),
})

export const versionRecord = z.strictObject({
  version: z.string().regex(/^[\w-]{7,36}$/),
  state: z.enum(['CREATING', 'SUCCEEDED', 'FAILED']),
  reason: z.string().optional(),
  cause: z.enum(['request', 'schedule', 'dataset']),
  createdAt: z.number(),
  scheduledAt: z.number(),
  completedAt: z.number().optional(),
  /** How often making it has begun. */
  attempts: count,
  /** Of a delta dataset. */
  window: timeWindow.optional(),
  /** Of a delta dataset: rows that arrived before are in it. */
  arrivedUntil: z.number().optional(),
  /** Of a dataset that another one triggers: when that one's content was complete. */
  triggeredAt: z.number().optional(),
  entries: z.array(entry).max(100),
  deliveries: z.array(delivery).max(2_000),
})

export type TimeWindow = z.output<typeof timeWindow>
export type ContentEntry = z.output<typeof entry>
export type DeliveryTarget = z.output<typeof target>
export type DeliveryRecord = z.output<typeof delivery>
export type VersionRecord = z.output<typeof versionRecord>

/** What outlives the versions that it comes from. */
export const progressRecord = z.strictObject({
  /** Rows with a time below are in a version. */
  coveredUntil: z.number().optional(),
  /** Of the last run by schedule. */
  scheduledAt: z.number().optional(),
  /** `VersionRecord.triggeredAt` of the last run by another dataset. */
  triggeredAt: z.number().optional(),
  /** Rows that arrived before have been looked at for late ones. */
  lateUntil: z.number().optional(),
})

export type DatasetProgress = z.output<typeof progressRecord>

export function bytesOf({ entries }: VersionRecord): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0)
}
