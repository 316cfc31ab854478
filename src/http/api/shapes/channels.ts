/** Channels: `GET channels`, `GET channels/{name}`, `…/fields`, and the event `channels`. */
import * as z from 'zod'
import { bytes, count, outageLeft, rate, seconds, time } from './basics.ts'

export const channelRow = z.strictObject({
  name: z.string(),
  in: rate,
  out: rate,
  /** For the destination that is furthest behind, those in flight included. */
  waiting: count,
  /** Of them, those in a batch that is being sent to the primary destination. */
  inFlight: count,
  oldestAt: time.nullable(),
  outageLeftSeconds: seconds.nullable(),
  /** Since the data directory was created: rejected, dropped and expired. */
  lost: count,
  /** Why the channel takes no messages; null if it works. */
  fault: z.string().nullable(),
})
export type ChannelRow = z.infer<typeof channelRow>

/** At most 200 rows, those in trouble first, then by rate; the rest as sums. */
export const channelTable = z.strictObject({
  now: time,
  rows: z.array(channelRow),
  others: z.strictObject({ count, in: rate, out: rate, waiting: count, lost: count }).nullable(),
})
export type ChannelTable = z.infer<typeof channelTable>

/** `GET channels?limit&after`: all of them, by name. */
export const channelList = z.strictObject({
  channels: z.array(channelRow),
  /** The name to pass as `after`; null on the last page. */
  next: z.string().nullable(),
})
export type ChannelList = z.infer<typeof channelList>

export const channelDetail = z.strictObject({
  ...channelRow.shape,
  received: count,
  delivered: count,
  bytes,
  /** The first stored offset, and the offset after the last one. */
  firstOffset: count,
  endOffset: count,
  firstReceivedAt: time.nullable(),
  outageLeft: outageLeft.nullable(),
  /** By code: `rejected`, `expired`, and the codes of dropped messages. */
  losses: z.record(z.string(), count),
  destinations: z.array(
    z.strictObject({
      name: z.string(),
      waiting: count,
      oldestAt: time.nullable(),
      state: z.string(),
    }),
  ),
  /** In effect for this channel, each with the place it was set at. */
  settings: z.array(z.strictObject({ path: z.string(), value: z.unknown(), from: z.string() })),
})
export type ChannelDetail = z.infer<typeof channelDetail>

/** `GET channels/{name}/fields`: the JSON paths of the last messages, at most 1,000. */
export const fieldList = z.strictObject({
  messages: count,
  fields: z.array(
    z.strictObject({
      /** As in SQL and in `--field`: `motor.temp`, `readings[0]`. */
      path: z.string(),
      types: z.array(z.enum(['number', 'text', 'boolean', 'object', 'array', 'null'])),
      /** How many of the messages have it. */
      present: count,
      min: z.number().nullable(),
      max: z.number().nullable(),
      /** Up to five different values, shortened. */
      examples: z.array(z.string()),
    }),
  ),
})
export type FieldList = z.infer<typeof fieldList>
