/** What several answers have in common. Base units: seconds, bytes, messages per second. */
import * as z from 'zod'

/** ISO 8601 in UTC, with milliseconds. */
export const time = z.iso.datetime({ precision: 3 })
export const count = z.int().min(0)
/** Per second, the mean of the last 10 s. */
export const rate = z.number().min(0)
export const seconds = z.number().min(0)
export const bytes = z.int().min(0)

export const level = z.enum(['ok', 'warning', 'critical'])
export type Level = z.infer<typeof level>

/** How long messages can be stored without their destinations, and the limit that is met first. */
export const outageLeft = z.strictObject({
  seconds,
  bound: z.enum(['storage.maxBytes', 'MemorySize', 'IotAnalyticsQueueSizePerChannel', 'maxAge']),
  channel: z.string(),
})
export type OutageLeft = z.infer<typeof outageLeft>

/** An error of the catalogue. */
export const problem = z.strictObject({ error: z.string(), error_message: z.string() })
export type Problem = z.infer<typeof problem>

/** Messages lost: refused on arrival, dropped by a limit, expired, rejected, damaged. */
export const lost = z.strictObject({
  /** In the last hour, or since the start if that is later. */
  hour: count,
  /** Since the data directory was created. */
  total: count,
  /** The commonest reason of the last hour, otherwise of all; null if none was lost. */
  code: z.string().nullable(),
})
export type Lost = z.infer<typeof lost>

/** A bound and what is used of it; `max` is null where nothing bounds it. */
export const usage = z.strictObject({ bytes, maxBytes: bytes.nullable() })
export type Usage = z.infer<typeof usage>
