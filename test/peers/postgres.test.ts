/** The destination `postgres` against PostgreSQL. */
import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { BatchSender } from '../../src/delivery/batches/batch-sender.ts'
import type { PostgresDestination } from '../../src/destinations/postgres/destination.ts'
import { ConnectorError } from '../../src/errors.ts'
import type { Message } from '../../src/message.ts'
import type { Notice } from '../../src/observer.ts'
import {
  batchOf,
  makeMessage,
  messagesFrom,
  packedMessage,
} from '../support/channels/batch-maker.ts'
import {
  openedPostgres,
  postgresDestination,
} from '../support/destinations/postgres-destination.ts'
import { assertEndsAtOnce, failureOf } from '../support/destinations/sends.ts'
import { SECOND_TRY_MS } from '../support/destinations/timeouts.ts'
import { type Postgres, skipWithoutPostgres, startPostgres } from '../support/servers/postgres.ts'
import { Relay } from '../support/servers/relay.ts'

const never = new AbortController().signal

describe('postgres against PostgreSQL', { skip: skipWithoutPostgres }, () => {
  let server: Postgres
  let tables = 0
  const ends: (() => unknown)[] = []

  before(async () => {
    server = await startPostgres(
      { after: (end) => ends.unshift(end) },
      { settings: ['wal_level=minimal', 'max_wal_senders=0'] },
    )
  })
  after(async () => {
    for (const end of ends) await end()
  })

  /** A destination with tables of its own. */
  async function opened(t: TestContext, given: Readonly<Record<string, unknown>> = {}) {
    const table = `messages_${tables++}`
    const destination = await openedPostgres(t, server.port, { table, ...given })
    return { destination, table }
  }

  const makeTables = (destination: PostgresDestination) =>
    destination.position('tables', '0a1b2c3d', never)

  const offsetsIn = async (table: string): Promise<number[]> => {
    const rows = await server.query(`select "offset" from ${table} order by "offset"`)
    return rows.map(({ offset }) => Number(offset))
  }

  test('a row has all fields, and payloads are jsonb or bytes', async (t) => {
    const { destination, table } = await opened(t)
    const receivedAt = Date.UTC(2026, 0, 31, 12, 0, 0, 123)
    const payloads = [
      '{"t":21.50}',
      'text',
      Buffer.from([0xff, 0]),
      '{"a":"\\u0000"}',
      '{"a":1,"a":2}',
      '',
    ]
    const messages = payloads.map((payload, offset) =>
      makeMessage(offset, { receivedAt, topic: 'fabrik/größe', payload: Buffer.from(payload) }),
    )

    await destination.send(batchOf('line', messages), never)

    const rows = await server.query(`select * from ${table} order by "offset"`)
    assert.deepEqual(rows[0], {
      connector: 'plant-1',
      channel: 'line',
      log_id: '0a1b2c3d',
      offset: '0',
      arrival_time: new Date(receivedAt),
      topic: 'fabrik/größe',
      message_id: '0a1b2c3d-0',
      content_type: 'application/json',
      payload: { t: 21.5 },
      payload_bytes: null,
    })
    assert.deepEqual(
      rows.map(({ content_type }) => content_type),
      [
        'application/json',
        'text/plain',
        'application/octet-stream',
        'application/json',
        'application/json',
        'text/plain',
      ],
    )
    for (const [index, payload] of payloads.entries()) {
      if (index > 0) assert.deepEqual(rows[index].payload_bytes, Buffer.from(payload))
    }
  })

  test('messages from a log on disk arrive as the same rows', async (t) => {
    const { destination, table } = await opened(t)

    await destination.send(
      batchOf(
        'line',
        [0, 1].map((at) => packedMessage(makeMessage(at))),
      ),
      never,
    )

    const rows = await server.query(`select message_id, payload from ${table} order by "offset"`)
    assert.deepEqual(rows, [
      { message_id: '0a1b2c3d-0', payload: { reading: 0 } },
      { message_id: '0a1b2c3d-1', payload: { reading: 1 } },
    ])
  })

  test('any JSON is kept: as an equal value in jsonb, or byte by byte', async (t) => {
    const { destination, table } = await opened(t)
    const texts = fc.sample(fc.oneof(fc.json(), fc.string(), fc.string({ unit: 'binary' })), 300)
    const messages = texts.map((text, offset) =>
      makeMessage(offset, { payload: Buffer.from(text) }),
    )

    await destination.send(batchOf('line', messages), never)

    const rows = await server.query(
      `select payload::text as json, payload_bytes from ${table} order by "offset"`,
    )
    for (const [index, { json, payload_bytes }] of rows.entries()) {
      if (json === null) assert.deepEqual(payload_bytes, messages[index]?.payload)
      else assert.deepEqual(withoutMinusZero(json), withoutMinusZero(texts[index] ?? ''))
    }
  })

  test('a batch that is sent again inserts nothing, however it is divided', async (t) => {
    const { destination, table } = await opened(t)
    const messages = messagesFrom(0, 10)

    await destination.send(batchOf('line', messages), never)
    await destination.send(batchOf('line', messages), never)
    const restarted = await openedPostgres(t, server.port, { table })
    await restarted.send(batchOf('line', messages.slice(5)), never)
    await restarted.send(batchOf('line', messagesFrom(8, 4)), never)

    assert.equal(await restarted.position('line', '0a1b2c3d', never), 12)
    assert.deepEqual(
      await offsetsIn(table),
      messagesFrom(0, 12).map(({ offset }) => offset),
    )
  })

  test('the position of a new log is 0, and each log has its own', async (t) => {
    const { destination, table } = await opened(t)

    assert.equal(await destination.position('line', 'first', never), 0)
    await destination.send({ ...batchOf('line', messagesFrom(0, 3)), logId: 'first' }, never)
    await destination.send({ ...batchOf('line', messagesFrom(0, 2)), logId: 'second' }, never)
    await destination.send({ ...batchOf('other', messagesFrom(7, 1)), logId: 'first' }, never)

    assert.equal(await destination.position('line', 'first', never), 3)
    assert.equal(await destination.position('line', 'second', never), 2)
    assert.equal(await destination.position('other', 'first', never), 8)
    assert.equal((await offsetsIn(table)).length, 6)
  })

  test('two processes that use an id for the first time make one row', async (t) => {
    const { destination, table } = await opened(t)
    await destination.position('first', '0a1b2c3d', never)
    const others = await Promise.all(
      Array.from({ length: 5 }, () => openedPostgres(t, server.port, { table })),
    )

    await Promise.all(others.map((other) => other.position('line', '0a1b2c3d', never)))

    assert.equal((await server.query(`select * from ${table}_position`)).length, 2)
  })

  test('a check says that tables are missing, and creates none', async (t) => {
    const { destination, table } = await opened(t)
    const notes: string[] = []

    await destination.check(never, (text) => notes.push(text))

    assert.match(notes.join(), new RegExp(`the table ${table} .*will be created`))
    const [row] = await server.query(`select to_regclass('${table}') as found`)
    assert.equal(row.found, null)
    await destination.position('line', '0a1b2c3d', never)
    await destination.check(never, () => assert.fail('there is nothing to note'))
  })

  test('a check says that the user may not create the tables', async (t) => {
    await server.query('create role reader login; create schema closed')
    await server.query('grant usage on schema closed to reader')
    const url = `postgres://reader@127.0.0.1:${server.port}/postgres`
    const { destination } = await opened(t, { url, schema: 'closed' })

    await assert.rejects(destination.check(never), { code: 'DestinationDenied', message: /CREATE/ })
  })

  test('tables are created once, even by several at the same time, and not altered', async (t) => {
    const table = `messages_${tables++}`
    const all = await Promise.all(
      Array.from({ length: 4 }, () => openedPostgres(t, server.port, { table })),
    )

    await Promise.all(all.map((one, index) => one.position(`line_${index}`, '0a1b2c3d', never)))
    await server.query(`alter table ${table} add column site text default 'north'`)
    await all[0]?.send(batchOf('line', messagesFrom(0, 1)), never)

    assert.deepEqual(await server.query(`select site from ${table}`), [{ site: 'north' }])
  })

  test('another connector with the same id is named, and nothing is taken for its own', async (t) => {
    const { destination, table } = await opened(t)
    await destination.send(batchOf('line', messagesFrom(0, 2)), never)
    const other = await openedPostgres(t, server.port, { table })
    await other.send(batchOf('line', messagesFrom(2, 2)), never)

    const failure = await failureOf(destination, messagesFrom(2, 3))

    assert.equal(failure.code, 'DestinationDenied')
    assert.match(failure.message, /another connector with the id plant-1/)
    assert.deepEqual(await offsetsIn(table), [0, 1, 2, 3])
  })

  test('a lost answer makes no duplicates: in the same process and after a restart', async (t) => {
    const { table } = await opened(t)
    const relay = await Relay.start(t, server.port)
    const destination = await openedPostgres(t, relay.port, { table })
    await destination.send(batchOf('line', messagesFrom(0, 2)), never)

    relay.loseAnswerTo((sent) => sent.includes('insert into'))
    assert.equal((await failureOf(destination, messagesFrom(2, 3))).effect, 'retry')
    await destination.send(batchOf('line', messagesFrom(2, 5)), never)
    relay.loseAnswerTo((sent) => sent.includes('insert into'))
    await failureOf(destination, messagesFrom(7, 1))
    const restarted = await openedPostgres(t, relay.port, { table })
    await restarted.send(batchOf('line', messagesFrom(6, 4)), never)

    assert.deepEqual(await offsetsIn(table), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('a failover that has lost commits is reported, also if it has lost the claim', async (t) => {
    const fresh = async (noticed: Notice[]) => {
      const name = `plant_${tables++}`
      await server.query(`create database ${name}`)
      const url = `postgres://postgres@127.0.0.1:${server.port}/${name}`
      const reports = { spoolGrew() {}, noticed: (_: string, one: Notice) => noticed.push(one) }
      return {
        name,
        destination: await openedPostgres(t, server.port, { url }, 'plant-1', reports),
      }
    }
    const disconnect = (name: string) =>
      server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
        name,
      ])
    for (const hasClaim of [true, false]) {
      const noticed: Notice[] = []
      const { name, destination } = await fresh(noticed)
      const before = await openedPostgres(t, server.port, {
        url: `postgres://postgres@127.0.0.1:${server.port}/${name}`,
      })
      await before.send(batchOf('line', messagesFrom(0, 3)), never)
      if (hasClaim) assert.equal(await destination.position('line', '0a1b2c3d', never), 3)
      await disconnect(name)
      await server.query(`create database ${name}_standby template ${name}`)
      await sendAll(destination, messagesFrom(3, 7))
      assert.deepEqual(noticed, [])

      await disconnect(name)
      await server.query(`alter database ${name} rename to ${name}_old`)
      await server.query(`alter database ${name}_standby rename to ${name}`)
      await sendAll(destination, messagesFrom(10, 1))
      await sendAll(destination, messagesFrom(11, 1))

      const rows = await server.query('select "offset" from messages order by 1', [], name)
      assert.deepEqual(
        rows.map(({ offset }) => Number(offset)),
        [0, 1, 2, 10, 11],
      )
      assert.deepEqual(
        noticed.map(({ code, count }) => [code, count]),
        [['CommitsLost', 7]],
      )
      assert.match(
        noticed.map(({ detail }) => detail).join(),
        /offsets 3 to 9\..*--channel line --from 3 --to 10$/,
      )
    }
  })

  test('tables that somebody drops are created again, and the loss is reported', async (t) => {
    const noticed: Notice[] = []
    const table = `messages_${tables++}`
    const reports = { spoolGrew() {}, noticed: (_: string, one: Notice) => noticed.push(one) }
    const destination = await openedPostgres(t, server.port, { table }, 'plant-1', reports)
    await destination.send(batchOf('line', messagesFrom(0, 2)), never)
    await server.query(`drop table ${table}, ${table}_position`)

    await sendAll(destination, messagesFrom(2, 2))

    assert.deepEqual(await offsetsIn(table), [2, 3])
    assert.deepEqual(
      noticed.map(({ code, count }) => [code, count]),
      [['CommitsLost', 2]],
    )
  })

  test('a statement that an earlier process left running can’t add anything later', async (t) => {
    const { destination, table } = await opened(t, { timeout: 10_000 })
    await destination.send(batchOf('line', messagesFrom(0, 1)), never)
    const abort = new AbortController()
    const unlock = await locked(server, table, t)
    const sent = assert.rejects(destination.send(batchOf('line', messagesFrom(1, 2)), abort.signal))
    await waitsForLock(server)
    abort.abort()
    await sent

    const restarted = await openedPostgres(t, server.port, { table, timeout: 10_000 })
    const position = restarted.position('line', '0a1b2c3d', never)
    await unlock()
    const from = await position
    await restarted.send(batchOf('line', messagesFrom(1, 4)), never)

    assert.ok(from === 1 || from === 3)
    assert.deepEqual(await offsetsIn(table), [0, 1, 2, 3, 4])
  })

  test('a message that the table refuses stands alone, and the others arrive in order', async (t) => {
    const { destination, table } = await opened(t)
    await makeTables(destination)
    await server.query(`alter table ${table} add check (payload->>'reading' <> '5')`)
    const log = { channel: 'line', id: '0a1b2c3d', end: 9 }
    const sender = new BatchSender({ destination, log, signal: never })

    const outcome = await sender.send(messagesFrom(0, 9))

    assert.deepEqual(
      outcome.rejected.map(({ index }) => index),
      [5],
    )
    assert.equal(outcome.rejected[0]?.refusal.error, 'ContentRefused')
    assert.match(outcome.rejected[0]?.refusal.message ?? '', /SQLSTATE 23514/)
    assert.deepEqual(await offsetsIn(table), [0, 1, 2, 3, 4, 6, 7, 8])
  })

  test('a trigger that leaves out rows does not stop the position', async (t) => {
    const { destination, table } = await opened(t)
    await makeTables(destination)
    await server.query(
      `create function ${table}_skip() returns trigger language plpgsql as $$ begin if new."offset" % 2 = 0 then return null; end if; return new; end $$`,
    )
    await server.query(
      `create trigger skip before insert on ${table} for each row execute function ${table}_skip()`,
    )

    await destination.send(batchOf('line', messagesFrom(0, 4)), never)
    await destination.send(batchOf('line', messagesFrom(4, 1)), never)
    await destination.send(batchOf('line', messagesFrom(5, 1)), never)

    assert.deepEqual(await offsetsIn(table), [1, 3, 5])
  })

  test('channels are stored at the same time over fewer connections', async (t) => {
    const { destination, table } = await opened(t, { maxConnections: 2 })
    const channels = Array.from({ length: 10 }, (_, index) => `channel_${index}`)

    await Promise.all(
      channels.map((channel) => destination.send(batchOf(channel, messagesFrom(0, 100)), never)),
    )

    const [row] = await server.query(`select count(*)::int as rows from ${table}`)
    assert.equal(row.rows, 1_000)
  })

  test('a peer that never answers ends a send in time, and the next one works', async (t) => {
    const { table } = await opened(t)
    const relay = await Relay.start(t, server.port)
    const destination = await openedPostgres(t, relay.port, { table, timeout: SECOND_TRY_MS })
    await destination.send(batchOf('line', messagesFrom(0, 1)), never)

    relay.hang()
    const begun = performance.now()
    const failure = await failureOf(destination, messagesFrom(1, 1))
    assert.equal(failure.effect, 'retry')
    assert.ok(performance.now() - begun < SECOND_TRY_MS + 2_000)
    relay.resume()
    await destination.send(batchOf('line', messagesFrom(1, 1)), never)

    assert.deepEqual(await offsetsIn(table), [0, 1])
  })

  test('an aborted send ends at once, and close does not wait for a peer that hangs', async (t) => {
    const { table } = await opened(t)
    const relay = await Relay.start(t, server.port)
    const destination = await openedPostgres(t, relay.port, { table, timeout: 60_000 })

    await assertEndsAtOnce(destination, relay)
  })

  test('what is missing, denied or wrong is held and named', async (t) => {
    await server.query('create role guest login')
    const { table } = await opened(t)
    const wrong: readonly [Readonly<Record<string, unknown>>, string, RegExp][] = [
      [{ create: false, table: 'nowhere' }, 'DestinationMissing', /nowhere.*create: true/],
      [{ schema: 'nowhere' }, 'DestinationMissing', /schema/],
      [
        {
          url: undefined,
          host: '127.0.0.1',
          port: server.port,
          user: 'postgres',
          database: 'none',
        },
        'DestinationMissing',
        /database "none" does not exist/,
      ],
      [
        { url: `postgres://nobody@127.0.0.1:${server.port}/postgres` },
        'DestinationDenied',
        /role "nobody"/,
      ],
      [
        { url: `postgres://guest@127.0.0.1:${server.port}/postgres`, table },
        'DestinationDenied',
        /CREATE on the schema|permission denied/,
      ],
      [{ tls: {} }, 'DestinationUnavailable', /does not support SSL.*Remove tls/],
      [
        { url: 'postgres://postgres@127.0.0.1:1/postgres' },
        'DestinationUnavailable',
        /ECONNREFUSED/,
      ],
      [
        { url: 'postgres://postgres@does-not-exist.invalid/postgres' },
        'DestinationUnavailable',
        /does-not-exist.invalid/,
      ],
    ]
    for (const [given, code, text] of wrong) {
      const destination = await openedPostgres(t, server.port, given)
      await assert.rejects(destination.check(never), (error: unknown) => {
        assert.ok(error instanceof ConnectorError)
        assert.equal(error.code, code, error.message)
        assert.match(error.message, text)
        return true
      })
      assert.equal((await failureOf(destination, messagesFrom(0, 1))).code, code)
    }
  })

  test('a table without a column, or with another type, is held and named', async (t) => {
    const { destination, table } = await opened(t)
    await makeTables(destination)
    await server.query(`alter table ${table} drop column payload_bytes`)
    await assert.rejects(destination.check(never), { code: 'DestinationMissing' })
    await server.query(`alter table ${table} add column payload_bytes int`)

    const failure = await failureOf(destination, messagesFrom(0, 1))

    assert.equal(failure.code, 'DestinationMissing')
    assert.match(failure.message, /payload_bytes/)
  })

  test('a server that only reads is waited for', async (t) => {
    const { destination, table } = await opened(t)
    await makeTables(destination)
    await server.query('alter role postgres set default_transaction_read_only = on')
    t.after(() =>
      server.query(
        'begin read write; alter role postgres reset default_transaction_read_only; commit',
      ),
    )
    const readOnly = await openedPostgres(t, server.port, { table })

    const failure = await failureOf(readOnly, messagesFrom(0, 1))

    assert.equal(failure.code, 'DestinationUnavailable')
    assert.match(failure.message, /SQLSTATE 25006/)
  })

  test('kill -9 of the server in the middle of a load loses and repeats nothing', async (t) => {
    const { destination, table } = await opened(t)
    let next = 0
    let failures = 0
    const until = async (end: number) => {
      while (next < end) {
        try {
          await destination.send(batchOf('line', messagesFrom(next, 50)), never)
          next += 50
        } catch (error) {
          assert.ok(error instanceof ConnectorError && error.effect === 'retry', String(error))
          failures++
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
    }
    const load = until(5_000)
    while (next < 1_000) await new Promise((resolve) => setTimeout(resolve, 1))
    await server.crash()
    await server.process.start()
    await load

    assert.ok(failures > 0)
    assert.deepEqual(
      await offsetsIn(table),
      messagesFrom(0, 5_000).map(({ offset }) => offset),
    )
  })
})

test('without a connection to the server, open succeeds, and close may be called twice', async () => {
  const destination = postgresDestination(1)

  await destination.open()
  await destination.open()
  await destination.close()
  await destination.close()
})

function withoutMinusZero(json: string): unknown {
  return JSON.parse(json, (_, value) => (value === 0 ? 0 : value))
}

/** Keeps others from writing to the table, until the function that it returns is called. */
async function locked(server: Postgres, table: string, t: TestContext) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: server.url })
  client.on('error', () => {})
  await client.connect()
  await client.query(`begin; lock table ${table}_position in exclusive mode`)
  let isOpen = true
  const unlock = async () => {
    if (isOpen) await client.end()
    isOpen = false
  }
  t.after(unlock)
  return unlock
}

async function waitsForLock(server: Postgres): Promise<void> {
  for (;;) {
    const rows = await server.query(`select 1 from pg_locks where not granted`)
    if (rows.length > 0) return
  }
}

/** Sends them until they are stored: a connection that was ended fails once. */
async function sendAll(destination: PostgresDestination, messages: readonly Message[]) {
  for (let attempt = 0; ; attempt++) {
    try {
      const outcome = await destination.send(batchOf('line', messages), never)
      assert.deepEqual(outcome, { rejected: [], kept: [] })
      return
    } catch (error) {
      if (attempt === 5 || !(error instanceof ConnectorError) || error.effect !== 'retry')
        throw error
    }
  }
}
