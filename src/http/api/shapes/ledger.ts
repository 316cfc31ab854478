/** `GET ledger`, and the event `ledger`: exact counts of one moment. */
import * as z from 'zod'
import { count, time } from './basics.ts'

/** received = delivered + rejected + Σ dropped + expired + waiting + inFlight */
export const account = z.strictObject({
  received: count,
  delivered: count,
  rejected: count,
  dropped: z.record(z.string(), count),
  expired: count,
  waiting: count,
  inFlight: count,
  /** `received` less all the others: 0 if it adds up. */
  difference: z.int(),
})
export type Account = z.infer<typeof account>

export const ledger = z.strictObject({
  now: time,
  /** All channels together; what the primary destination made of them. */
  total: account,
  /** The further destinations. */
  destinations: z.array(z.strictObject({ destination: z.string(), ...account.shape })),
  channels: z.array(z.strictObject({ channel: z.string(), ...account.shape })),
})
export type Ledger = z.infer<typeof ledger>
