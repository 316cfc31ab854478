/** `GET destinations`, and the event `destinations`. */
import * as z from 'zod'
import { count, seconds, time } from './basics.ts'
import { destinationSummary } from './overview.ts'

export const destinationDetail = z.strictObject({
  ...destinationSummary.shape,
  /** For people: its kind and address. */
  description: z.string(),
  /** The first one, whose outcome makes the receipts. */
  isPrimary: z.boolean(),
  attempts: count,
  lastRejectedAt: time.nullable(),
  rejectedInARow: count,
  oldestWaitingAt: time.nullable(),
  unansweredSince: time.nullable(),
  /** What the error means and which setting helps; null if nothing is known. */
  advice: z.string().nullable(),
  /** How long it takes to answer a batch, of the last 5 minutes; null without answers. */
  answers: z.strictObject({ p50: seconds, p99: seconds }).nullable(),
  delivered: count,
  rejected: count,
  dropped: count,
  expired: count,
  /** Channels with waiting messages, the oldest first, at most 50. */
  channels: z.array(
    z.strictObject({
      channel: z.string(),
      waiting: count,
      oldestAt: time.nullable(),
      nextAttemptAt: time.nullable(),
      attempts: count,
    }),
  ),
  channelCount: count,
})
export type DestinationDetail = z.infer<typeof destinationDetail>

export const destinationList = z.strictObject({
  now: time,
  destinations: z.array(destinationDetail),
})
export type DestinationList = z.infer<typeof destinationList>

/** `POST destinations/{name}/retry`, `POST destinations/retry`. */
export const retried = z.strictObject({
  destinations: z.array(z.strictObject({ destination: z.string(), retried: count })),
})
export type Retried = z.infer<typeof retried>
