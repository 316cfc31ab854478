/**
 * Rounds with InfluxDB 1.x. A point has no log id, but here each channel has one log; its offset is
 * in the last digits of its time. A point that is written again with another time is one more row.
 */
import { skipWithoutInfluxdb, startInfluxdb } from '../../../support/servers/influxdb.ts'
import type { RoundKind } from '../peer.ts'

const DATABASE = 'rounds'
const FIELD = 'raw'

export const influxKind: RoundKind = {
  name: 'influx',
  skip: skipWithoutInfluxdb,
  isExactlyOnce: true,
  async start(t) {
    const server = await startInfluxdb(t)
    await server.query(`CREATE DATABASE ${DATABASE}`)
    return {
      port: server.port,
      entry: (port) => ({
        influx: {
          url: `http://127.0.0.1:${port}`,
          api: 'v1',
          database: DATABASE,
          rawField: FIELD,
          timeout: '1s',
          maxAttempts: 1,
        },
        batch: { messages: 100, interval: '0ms' },
      }),
      async rows(channels) {
        const found = channels.map((channel) =>
          server.query(`SELECT ${FIELD}, time FROM ${channel}`, DATABASE, ''),
        )
        return (await Promise.all(found)).flat().map((row) => ({
          logId: String(row['measurement']),
          offset: offsetIn(String(row['time'])),
          payload: Buffer.from(String(row[FIELD])),
        }))
      },
      crash: () => server.process.crash(),
    }
  },
}

/** The last six of nine digits after the seconds; zeros at the end are left out. */
function offsetIn(time: string): number {
  const [, fraction = ''] = /\.(\d+)Z$/.exec(time) ?? []
  return Number(fraction.padEnd(9, '0').slice(3))
}
