/** A table of PostgreSQL as the contract of destinations needs it, behind a relay that fails. */
import type { TestContext } from 'node:test'
import type { DestinationSetup, PeerUnderTest } from '../../contract/destination-under-test.ts'
import type { Postgres } from '../servers/postgres.ts'
import { Relay } from '../servers/relay.ts'
import { postgresDestination } from './postgres-destination.ts'

/** The role that the destination logs in as. It has only the permissions that are documented. */
export const WRITER = 'writer'

let tables = 0

/** @param port where clients log in: of the server, or of a pooler before it */
export async function postgresUnderTest(
  t: TestContext,
  server: Postgres,
  port: number,
  timeoutMs: number,
): Promise<DestinationSetup> {
  const table = `contract_${tables++}`
  await makeTables(server, table)
  const relay = await Relay.start(t, port)
  const url = `postgres://${WRITER}@127.0.0.1:${relay.port}/postgres`
  const times = { timeout: timeoutMs, connectTimeout: timeoutMs }
  return {
    destination: postgresDestination(relay.port, { url, table, create: false, ...times }),
    peer: new PostgresPeer(server, relay, table),
    maxSendMs: 4 * timeoutMs + 1_500,
    recognisesResends: true,
  }
}

async function makeTables(server: Postgres, table: string): Promise<void> {
  const maker = postgresDestination(server.port, { table })
  await maker.open()
  await maker.position('tables', '0a1b2c3d', new AbortController().signal)
  await maker.close()
  await server.query(`grant select, insert on ${table} to ${WRITER}`)
  await server.query(`grant select, insert, update on ${table}_position to ${WRITER}`)
}

class PostgresPeer implements PeerUnderTest {
  readonly #server: Postgres
  readonly #relay: Relay
  readonly #table: string
  /** What ends the disturbances. */
  #ends: (() => unknown)[] = []

  constructor(server: Postgres, relay: Relay, table: string) {
    this.#server = server
    this.#relay = relay
    this.#table = table
  }

  async received(channel: string) {
    const rows = await this.#server.query(
      `select message_id, payload from ${this.#table} where channel = $1 order by ctid`,
      [channel],
    )
    return rows.map(({ message_id, payload }) => ({
      messageId: message_id,
      payload: Buffer.from(JSON.stringify(payload)),
    }))
  }

  hang(): void {
    this.#relay.hang()
    this.#ends.push(() => this.#relay.resume())
  }

  reached(): Promise<void> {
    return this.#relay.reached()
  }

  async fail(): Promise<void> {
    await this.#beforeInserts(`raise exception 'not now'`)
  }

  async poison(messageIds: readonly string[]): Promise<void> {
    const list = messageIds.map((id) => `'${id}'`).join()
    await this.#beforeInserts(
      `if new.message_id in (${list}) then raise check_violation; end if`,
      'each row',
    )
  }

  async slow(delayMs: number): Promise<void> {
    await this.#beforeInserts(`perform pg_sleep(${delayMs / 1_000})`)
  }

  async deny(): Promise<void> {
    await this.#until(
      `revoke insert on ${this.#table} from ${WRITER}`,
      `grant insert on ${this.#table} to ${WRITER}`,
    )
  }

  async miss(): Promise<void> {
    await this.#until(
      `alter table ${this.#table} rename to ${this.#table}_away`,
      `alter table ${this.#table}_away rename to ${this.#table}`,
    )
  }

  loseAnswers(): void {
    this.#relay.loseAnswerTo((sent) => sent.includes(`insert into "${this.#table}" (`))
  }

  async recover(): Promise<void> {
    const ends = this.#ends
    this.#ends = []
    for (const end of ends) await end()
  }

  async #beforeInserts(action: string, level = 'each statement'): Promise<void> {
    const name = `${this.#table}_disturbed`
    await this.#server.query(
      `create function ${name}() returns trigger language plpgsql as $$ begin ${action}; return new; end $$`,
    )
    await this.#until(
      `create trigger ${name} before insert on ${this.#table} for ${level} execute function ${name}()`,
      `drop function ${name} cascade`,
    )
  }

  async #until(begin: string, end: string): Promise<void> {
    await this.#server.query(begin)
    this.#ends.push(() => this.#server.query(end))
  }
}
