/** `GET session`, `POST session`, and the event `hello`. */
import * as z from 'zod'
import { time } from './basics.ts'

export const right = z.enum(['view', 'operate'])
export type Right = z.infer<typeof right>

export const session = z.strictObject({
  rights: z.array(right),
  /** How the request was recognised. */
  by: z.enum(['loopback', 'anonymous', 'socket', 'token', 'session', 'certificate']),
  /** The name of the token; null where there is none. */
  name: z.string().nullable(),
  /** When the session ends unless it is used; null without a session. */
  until: time.nullable(),
  /** What to do for the right `operate`; null if it is there. */
  advice: z.string().nullable(),
})
export type Session = z.infer<typeof session>

/** `POST session`: one of the two. */
export const login = z.strictObject({
  /** Of the command `dashboard`: one use, 60 s. */
  code: z.string().optional(),
  token: z.string().optional(),
})
export type Login = z.infer<typeof login>

/** `POST session/code`. The dashboard is at `address`, and logs in with `#code=` behind it. */
export const loginCode = z.strictObject({
  code: z.string(),
  until: time,
  /** Where browsers on this machine reach the connector; null without an HTTP port. */
  address: z.string().nullable(),
})
export type LoginCode = z.infer<typeof loginCode>

/** The first event of a stream. */
export const hello = z.strictObject({
  now: time,
  version: z.string(),
  /** Changes with the files of the dashboard: the page then offers to load them again. */
  build: z.string(),
  instance: z.string(),
  tickMs: z.int(),
  rights: z.array(right),
})
export type Hello = z.infer<typeof hello>

/** Every error of the API. */
export const failure = z.strictObject({ error: z.string(), message: z.string() })
export type Failure = z.infer<typeof failure>
