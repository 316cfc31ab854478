/** `GET clients`, and the event `clients`: who is connected to the MQTT server, and who was refused. */
import * as z from 'zod'
import { count, rate, time } from './basics.ts'

export const clientRow = z.strictObject({
  clientId: z.string(),
  /** Null for an anonymous client. */
  user: z.string().nullable(),
  address: z.string(),
  /** `mqtt`, `mqtts`, `ws`, `wss`. */
  transport: z.string(),
  protocol: z.string(),
  since: time,
  in: rate,
  received: count,
  lastTopic: z.string().nullable(),
  lastMessageAt: time.nullable(),
  subscriptions: count,
})
export type ClientRow = z.infer<typeof clientRow>

export const clientList = z.strictObject({
  now: time,
  /** At most 200, the busiest first. */
  clients: z.array(clientRow),
  clientCount: count,
  /** The newest first, at most 50; repeats are counted. */
  refused: z.array(
    z.strictObject({
      at: time,
      who: z.string(),
      reason: z.string(),
      times: count,
    }),
  ),
})
export type ClientList = z.infer<typeof clientList>
