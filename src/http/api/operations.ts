/**
 * Every operation of the operator's API: its path, what it takes and what it answers. The server's
 * routes and the description in OpenAPI are made from this table.
 */
import * as z from 'zod'
import type { Right } from '../access/right.ts'
import { READ_FROM, readFrom, time, wholeNumber } from '../requests/query.ts'
import { question } from '../routes/query.ts'
import { eventsQuery } from './event-topics.ts'
import { channelDetail, channelList, channelTable, fieldList } from './shapes/channels.ts'
import { clientList } from './shapes/clients.ts'
import { destinationList, retried } from './shapes/destinations.ts'
import { ledger } from './shapes/ledger.ts'
import { deadLetter, foundMessages, message, replayReport, story, tail } from './shapes/messages.ts'
import { history, overview } from './shapes/overview.ts'
import { queryList, tableList } from './shapes/query.ts'
import { hello, login, loginCode, session } from './shapes/session.ts'
import { settings } from './shapes/settings.ts'

/** Before every path. */
export const API = '/api/v1'

export interface Operation {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `API`: `channels/{name}`. */
  readonly path: string
  readonly summary: string
  /** Default: `view`. */
  readonly right?: Right
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  /** The schema of the answer, or of each of its lines. */
  readonly answer: z.ZodType
  /** Default: one object of JSON. */
  readonly answerIs?: 'json' | 'lines' | 'stream' | 'result' | 'nothing'
  /** What can be wrong besides a faulty request: codes of errors. */
  readonly errors?: readonly string[]
}

const MAX_TEXT = 256
const text = z.string().min(1).max(MAX_TEXT).optional()
const filter = {
  channel: text,
  destination: text,
  error: text,
  since: time().optional(),
  until: time().optional(),
}
const page = z.strictObject({
  after: z.string().max(MAX_TEXT).default(''),
  limit: wholeNumber(1, 1000, 200),
})
const offset = z.number().int().min(0)
const MAX_REPLAYED = 10_000
const replayed = {
  limit: z.number().int().min(1).max(MAX_REPLAYED).default(1000),
  dryRun: z.boolean().default(false),
}
const point = z.union([
  z
    .number()
    .int()
    .min(0)
    .transform((offset) => ({ offset })),
  z.string(READ_FROM).transform(readFrom),
])

export const operations = {
  overview: {
    method: 'GET',
    path: 'overview',
    summary: 'The first screen: how the connector is doing',
    answer: overview,
  },
  history: {
    method: 'GET',
    path: 'history',
    summary: 'The last hour, a point for every 10 s',
    answer: history,
  },
  ledger: {
    method: 'GET',
    path: 'ledger',
    summary: 'What happened to every message, in exact numbers of one moment',
    answer: ledger,
  },
  channels: {
    method: 'GET',
    path: 'channels',
    summary: 'The channels, by name',
    query: page,
    answer: channelList,
  },
  channel: {
    method: 'GET',
    path: 'channels/{name}',
    summary: 'One channel, with its losses and settings',
    answer: channelDetail,
    errors: ['ChannelNotFound'],
  },
  messages: {
    method: 'GET',
    path: 'channels/{name}/messages',
    summary: 'Stored messages of a channel; continue from the header x-next-offset',
    query: z.strictObject({
      from: z.string(READ_FROM).default('earliest').transform(readFrom),
      limit: wholeNumber(1, 1000, 100),
      wait: wholeNumber(0, 60, 0),
    }),
    answer: message,
    answerIs: 'lines',
    errors: ['ChannelNotFound', 'StorageFailed'],
  },
  search: {
    method: 'GET',
    path: 'channels/{name}/search',
    summary: 'Stored messages that contain a text; go on from next until it is end',
    query: z.strictObject({
      text: z.string().min(1).max(MAX_TEXT),
      from: z.string(READ_FROM).default('earliest').transform(readFrom),
      limit: wholeNumber(1, 1000, 100),
    }),
    answer: foundMessages,
    errors: ['ChannelNotFound', 'StorageFailed'],
  },
  fields: {
    method: 'GET',
    path: 'channels/{name}/fields',
    summary: 'The fields of the JSON in the last messages of a channel',
    answer: fieldList,
    errors: ['ChannelNotFound'],
  },
  channelHistory: {
    method: 'GET',
    path: 'channels/{name}/history',
    summary: 'The last hour of a channel, a point for every 10 s',
    answer: history,
    errors: ['ChannelNotFound'],
  },
  replayChannel: {
    method: 'POST',
    path: 'channels/{name}/replay',
    summary: 'Send stored messages of a channel again',
    right: 'operate',
    body: z.strictObject({ from: point, to: point.optional(), ...replayed }),
    answer: z.strictObject({
      matched: z.int(),
      replayed: z.int(),
      duplicates: z.int(),
      waiting: z.int(),
      firstReceivedAt: z.iso.datetime({ precision: 3 }).nullable(),
      stopped: z.strictObject({ error: z.string(), error_message: z.string() }).nullable(),
      next: z.int().nullable(),
      to: z.int(),
    }),
    errors: ['ChannelNotFound'],
  },
  destinations: {
    method: 'GET',
    path: 'destinations',
    summary: 'The destinations: whether they take messages, and what waits for them',
    answer: destinationList,
  },
  retryAll: {
    method: 'POST',
    path: 'destinations/retry',
    summary: 'Make the next attempts now',
    right: 'operate',
    body: z.strictObject({ channel: text, destination: text }),
    answer: retried,
    errors: ['ChannelNotFound', 'DestinationNotFound'],
  },
  retry: {
    method: 'POST',
    path: 'destinations/{name}/retry',
    summary: 'Make the next attempt of one destination now',
    right: 'operate',
    body: z.strictObject({ channel: text }),
    answer: retried,
    errors: ['ChannelNotFound', 'DestinationNotFound'],
  },
  clients: {
    method: 'GET',
    path: 'clients',
    summary: 'Who is connected to the MQTT server, and who was refused lately',
    answer: clientList,
  },
  config: {
    method: 'GET',
    path: 'config',
    summary: 'Every setting in effect, and where it was set',
    answer: settings,
  },
  tables: {
    method: 'GET',
    path: 'tables',
    summary: 'What queries can ask for: channels, then datastores, by name',
    query: page,
    answer: tableList,
  },
  story: {
    method: 'GET',
    path: 'messages/{id}/story',
    summary: 'What happened to a message, by its sender’s id or its message id',
    answer: story,
  },
  deadLetters: {
    method: 'GET',
    path: 'dead-letters',
    summary: 'Rejected messages, with the reason; continue from the header x-next-offset',
    query: z.strictObject({
      ...filter,
      from: wholeNumber(0, Number.MAX_SAFE_INTEGER, 0),
      limit: wholeNumber(1, 1000, 100),
    }),
    answer: deadLetter,
    answerIs: 'lines',
    errors: ['NotKept'],
  },
  replayDeadLetters: {
    method: 'POST',
    path: 'dead-letters/replay',
    summary: 'Send rejected messages to their channels again',
    right: 'operate',
    body: z.strictObject({
      ...filter,
      from: offset.default(0),
      to: offset.optional(),
      ...replayed,
    }),
    answer: replayReport,
    errors: ['NotKept'],
  },
  events: {
    method: 'GET',
    path: 'events',
    summary: 'What changes, once a second, as server-sent events',
    query: eventsQuery,
    answer: z.union([
      hello,
      overview,
      channelTable,
      destinationList,
      ledger,
      clientList,
      tail,
      z.array(z.string()),
    ]),
    answerIs: 'stream',
    errors: ['TooManyRequests'],
  },
  query: {
    method: 'POST',
    path: 'query',
    summary:
      'SQL on the stored messages; rows come as they are found, and hanging up ends the query',
    body: question,
    answer: z.unknown(),
    answerIs: 'result',
    errors: ['InvalidQuery', 'QueryLimit', 'QueryCancelled', 'AnalyticsUnavailable'],
  },
  queries: {
    method: 'GET',
    path: 'query',
    summary: 'The queries that run or wait',
    answer: queryList,
  },
  cancelQuery: {
    method: 'DELETE',
    path: 'query/{id}',
    summary: 'End a query, by the id in the header x-query-id of its result',
    right: 'operate',
    answer: z.undefined(),
    answerIs: 'nothing',
    errors: ['QueryNotFound'],
  },
  session: {
    method: 'GET',
    path: 'session',
    summary: 'Who I am, and what I may do',
    answer: session,
  },
  login: {
    method: 'POST',
    path: 'session',
    summary: 'Begin a session, with a token or the code of the command dashboard',
    body: login,
    answer: session,
    errors: ['NotAuthorized'],
  },
  logout: {
    method: 'DELETE',
    path: 'session',
    summary: 'End the session',
    answer: z.undefined(),
    answerIs: 'nothing',
  },
  loginCode: {
    method: 'POST',
    path: 'session/code',
    summary: 'A code that begins a session once, within 60 s, with the rights of this request',
    body: z.strictObject({}),
    answer: loginCode,
  },
  openapi: {
    method: 'GET',
    path: 'openapi.json',
    summary: 'This description',
    answer: z.record(z.string(), z.unknown()),
  },
} as const satisfies Record<string, Operation>

export type QueryOf<Op extends Operation> = Op extends { query: infer Schema extends z.ZodType }
  ? z.output<Schema>
  : undefined

export type BodyOf<Op extends Operation> = Op extends { body: infer Schema extends z.ZodType }
  ? z.output<Schema>
  : undefined
