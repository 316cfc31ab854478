/** Rounds with PostgreSQL, whose rows are read with a connection of its own. */
import { skipWithoutPostgres, startPostgres } from '../../../support/servers/postgres.ts'
import type { RoundKind } from '../peer.ts'

export const postgresKind: RoundKind = {
  name: 'postgres',
  skip: skipWithoutPostgres,
  isExactlyOnce: true,
  async start(t) {
    const server = await startPostgres(t)
    return {
      port: server.port,
      entry(port) {
        const url = new URL(server.url)
        url.port = String(port)
        return { postgres: { url: url.href, create: true, timeout: '2s', connectTimeout: '2s' } }
      },
      async rows() {
        // The devices send no JSON here, so all bytes are in this column.
        const rows = await server.query('select log_id, "offset", payload_bytes from messages')
        return rows.map(({ log_id, offset, payload_bytes }) => ({
          logId: String(log_id),
          offset: Number(offset),
          payload: payload_bytes,
        }))
      },
    }
  },
}
