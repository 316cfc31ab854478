/** The first screen: `GET overview`, and the event `overview`. */
import * as z from 'zod'
import { bytes, count, level, lost, outageLeft, rate, seconds, time, usage } from './basics.ts'
import { channelRow } from './channels.ts'

export const verdict = z.strictObject({
  level,
  /** A few words: `running`, or what is wrong first. */
  text: z.string(),
  /** For people, in up to three sentences: what is wrong, what is lost, how long it may last. */
  summary: z.string(),
  /** Since when the level is what it is; at the earliest the start of the connector. */
  since: time,
  /** A sentence each, the worst first. Empty if nothing is wrong. */
  problems: z.array(z.string()),
})
export type Verdict = z.infer<typeof verdict>

export const sourceRow = z.strictObject({
  name: z.string(),
  /** For people: what it is, and its address. */
  description: z.string(),
  /** `listening`: a server. The others connect to a broker or a nucleus. */
  state: z.enum(['listening', 'connected', 'disconnected']),
  since: time.nullable(),
  /** Connected clients; null for a source that has none. */
  clients: count.nullable(),
  in: rate,
})
export type SourceRow = z.infer<typeof sourceRow>

export const destinationSummary = z.strictObject({
  name: z.string(),
  kind: z.string(),
  state: z.enum(['working', 'retrying', 'unopened']),
  since: time.nullable(),
  nextAttemptAt: time.nullable(),
  lastSuccessAt: time.nullable(),
  out: rate,
  /** Not delivered yet; those in a batch that is being sent included. */
  waiting: count,
  /** Of the last failed attempt, while it is not working. */
  error: z.string().nullable(),
  error_message: z.string().nullable(),
})
export type DestinationSummary = z.infer<typeof destinationSummary>

export const overview = z.strictObject({
  now: time,
  /** The name of the machine, or of the connector. */
  instance: z.string(),
  version: z.string(),
  startedAt: time,
  verdict,
  /** Messages can come in and be stored, whatever the destinations do. */
  ready: z.boolean(),
  /** `delivered`: to the primary destination; without destinations, committed. */
  rates: z.strictObject({ in: rate, stored: rate, delivered: rate }),
  /** Since the data directory was created. */
  received: count,
  waiting: z.strictObject({
    messages: count,
    oldestAt: time.nullable(),
    /** While the backlog shrinks: when it is gone at this rate. */
    goneInSeconds: seconds.nullable(),
  }),
  /** The smallest of all channels; null if no message comes in or nothing bounds them. */
  outageLeft: outageLeft.nullable(),
  lost,
  /** Null if the configuration keeps none. */
  deadLetters: count.nullable(),
  disk: z.strictObject({
    ...usage.shape,
    /** The part that is kept only for replay and queries. */
    historyBytes: bytes,
    /** Free space of the file system; null with durability `memory`. */
    freeBytes: bytes.nullable(),
  }),
  /** What stored messages and clients count for `MemorySize`. */
  memory: z.strictObject({ ...usage.shape, rssBytes: bytes }),
  sources: z.array(sourceRow),
  /** At most ten: those in trouble first, then by rate. */
  channels: z.array(channelRow),
  channelCount: count,
  destinations: z.array(destinationSummary),
  /** The newest refused client or message, which explains why nothing arrives. */
  lastRefusal: z.strictObject({ at: time, who: z.string(), reason: z.string() }).nullable(),
})
export type Overview = z.infer<typeof overview>

/** `GET history`: the last hour, a point for every 10 s, the newest last. */
export const history = z.strictObject({
  stepSeconds: z.literal(10),
  /** When the first point ends. */
  from: time,
  in: z.array(rate),
  stored: z.array(rate),
  delivered: z.array(rate),
  waiting: z.array(count),
})
export type History = z.infer<typeof history>
