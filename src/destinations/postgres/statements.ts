/**
 * The statements. Names of tables come from the configuration, where they are checked; all else is a
 * parameter.
 */
import type { PostgresOptions } from './options.ts'

export interface Statements {
  readonly table: string
  readonly positionTable: string
  /** Takes the position row for this process, and creates it if it is the first use. */
  readonly claim: string
  /** Who has the row, and its position. */
  readonly look: string
  /** Moves the position and inserts the rows, or does neither. */
  readonly store: string
  /** Touches no row, but needs the tables, columns and permissions that `store` needs. */
  readonly tryOut: readonly string[]
  readonly exists: string
  /** Whether the user may create tables; null if no schema is selected. */
  readonly mayCreate: string
  readonly create: readonly string[]
}

const KEY = 'connector = $1 and channel = $2 and log_id = $3'
/** The payloads come first, so that the client, which makes room as it goes, makes most of it once. */
const PAYLOADS = '$7::jsonb[], $8::bytea[]'
const ARRAYS = '$9::bigint[], $10::timestamptz[], $11::text[], $12::text[], $13::text[]'
const ROW_COLUMNS =
  'payload, payload_bytes, "offset", arrival_time, topic, message_id, content_type'
const COLUMNS = `connector, channel, log_id, ${ROW_COLUMNS}`

export function statementsFor({ schema, table }: Pick<PostgresOptions, 'schema' | 'table'>) {
  const prefix = schema === undefined ? '' : `"${schema}".`
  const messages = `${prefix}"${table}"`
  const positions = `${prefix}"${table}_position"`
  const statements: Statements = {
    table: `${schema === undefined ? '' : `${schema}.`}${table}`,
    positionTable: `${schema === undefined ? '' : `${schema}.`}${table}_position`,
    // One statement, so that two processes can't both insert the row; and it waits for a statement
    // of an earlier process that is still running.
    claim: `insert into ${positions} as p (connector, channel, log_id, next, writer)
values ($1, $2, $3, 0, $4)
on conflict (connector, channel, log_id) do update set writer = excluded.writer
returning next`,
    look: `select next, writer from ${positions} where ${KEY}`,
    store: `with moved as (
  update ${positions} set next = $6
  where ${KEY} and next = $4 and writer = $5 returning 1
)
insert into ${messages} (${COLUMNS})
select $1, $2, $3, r.* from unnest(${PAYLOADS}, ${ARRAYS}) as r
where exists (select from moved)`,
    tryOut: [
      `insert into ${messages} (${COLUMNS}) select ${COLUMNS} from ${messages} where false`,
      `insert into ${positions} (connector, channel, log_id, next, writer)
select connector, channel, log_id, next, writer from ${positions} where false`,
      `update ${positions} set next = next, writer = writer where false`,
    ],
    exists: `select to_regclass('${messages}') is not null and to_regclass('${positions}') is not null as "exists"`,
    mayCreate: `select has_schema_privilege(${schema === undefined ? 'current_schema()' : `'${schema}'`}, 'create') as "may"`,
    create: [
      `create table if not exists ${messages} (
  connector text not null,
  channel text not null,
  log_id text not null,
  "offset" bigint not null,
  arrival_time timestamptz not null,
  topic text not null,
  message_id text not null,
  content_type text not null,
  payload jsonb,
  payload_bytes bytea
)`,
      `create table if not exists ${positions} (
  connector text not null,
  channel text not null,
  log_id text not null,
  next bigint not null,
  writer text not null,
  primary key (connector, channel, log_id)
)`,
    ],
  }
  return statements
}
