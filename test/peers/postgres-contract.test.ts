/** The contract of destinations, with PostgreSQL alone and with PgBouncer before it. */
import { after, before, describe } from 'node:test'
import { destinationContract } from '../contract/destination.contract.ts'
import { postgresUnderTest, WRITER } from '../support/destinations/postgres-under-test.ts'
import { skipWithoutPgBouncer, startPgBouncer } from '../support/servers/pgbouncer.ts'
import { type Postgres, skipWithoutPostgres, startPostgres } from '../support/servers/postgres.ts'

for (const pooler of [undefined, 'PgBouncer']) {
  const skip = skipWithoutPostgres || (pooler !== undefined && skipWithoutPgBouncer)
  describe(`PostgreSQL behind ${pooler ?? 'nothing'}`, { skip }, () => {
    const ends: (() => unknown)[] = []
    let server: Postgres
    let port = 0

    before(async () => {
      const cleanup = { after: (end: () => unknown) => ends.unshift(end) }
      server = await startPostgres(cleanup)
      await server.query(`create role ${WRITER} login`)
      port =
        pooler === undefined
          ? server.port
          : await startPgBouncer(cleanup, server.port, [WRITER, 'postgres'])
    })
    after(async () => {
      for (const end of ends) await end()
    })

    const name = pooler === undefined ? 'postgres' : `postgres through ${pooler}`
    destinationContract(name, (t, timeoutMs) => postgresUnderTest(t, server, port, timeoutMs))
  })
}
