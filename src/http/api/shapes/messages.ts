/** Messages, their story, and dead letters. */
import * as z from 'zod'
import { count, time } from './basics.ts'

/** The payload is text if it is valid UTF-8, otherwise base64. */
const payload = { payload: z.string().optional(), payloadBase64: z.string().optional() }

/** `GET channels/{name}/messages`: one per line. */
export const message = z.strictObject({
  offset: count,
  receivedAt: time,
  topic: z.string(),
  /** The sender's id. */
  id: z.string().optional(),
  messageId: z.string(),
  ...payload,
})
export type Message = z.infer<typeof message>

/** In the event `tail`, large payloads are cut: then this is the size of the whole. */
export const tailMessage = z.strictObject({ ...message.shape, cutFromBytes: count.optional() })
export type TailMessage = z.infer<typeof tailMessage>

export const tail = z.strictObject({
  channel: z.string(),
  /** Offsets `from ≤ x < next` are what this event is about. */
  from: count,
  next: count,
  /** How many of them are not shown, because more arrive than a person can read. */
  skipped: count,
  messages: z.array(tailMessage),
})
export type Tail = z.infer<typeof tail>

/** `GET channels/{name}/search`: a part of the log was looked at; the next request goes on. */
export const foundMessages = z.strictObject({
  /** Offsets `from ≤ x < next` were looked at. */
  from: count,
  next: count,
  /** Where the log ends now: the search is complete once `next` is there. */
  end: count,
  looked: count,
  /** When the last of them was received; null if there was none. */
  lookedUntil: time.nullable(),
  messages: z.array(tailMessage),
})
export type FoundMessages = z.infer<typeof foundMessages>

/** `GET dead-letters`: one per line. */
export const deadLetter = z.strictObject({
  offset: count,
  keptAt: time,
  channel: z.string(),
  /** Absent if it was refused on arrival. */
  destination: z.string().optional(),
  error: z.string(),
  error_message: z.string(),
  topic: z.string(),
  receivedAt: time,
  id: z.string().optional(),
  messageId: z.string().optional(),
  ...payload,
})
export type DeadLetter = z.infer<typeof deadLetter>

/** `POST dead-letters/replay`. */
export const replayReport = z.strictObject({
  matched: count,
  replayed: count,
  refused: z.array(z.strictObject({ offset: count, error: z.string(), error_message: z.string() })),
  /** Where the next call begins, with the same `to`; null if this was the last one. */
  next: count.nullable(),
  to: count,
})
export type ReplayReport = z.infer<typeof replayReport>

/** `GET messages/{id}/story`: what happened, in order. */
export const story = z.strictObject({
  id: z.string(),
  /** One for each message that has the id; empty if nothing is known of it. */
  messages: z.array(
    z.strictObject({
      channel: z.string().nullable(),
      offset: count.nullable(),
      steps: z.array(
        z.strictObject({
          /** Null where only the order is known. */
          at: time.nullable(),
          kind: z.enum([
            'came',
            'stored',
            'sent',
            'delivered',
            'lost',
            'receipt',
            'waiting',
            'note',
          ]),
          text: z.string(),
        }),
      ),
    }),
  ),
  /** How far the search went, and what is not remembered. */
  notes: z.array(z.string()),
})
export type Story = z.infer<typeof story>
