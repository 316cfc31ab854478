/** InfluxDB 1.x, on free ports. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCommand } from './find-command.ts'
import { type Cleanup, freePorts, ServerProcess, serverDirectory } from './server-process.ts'

const COMMAND = findCommand('influxd')

export const skipWithoutInfluxdb: string | false =
  COMMAND === undefined ? 'InfluxDB is missing: apt-get install influxdb' : false

/** Values by the names of their columns. */
export type InfluxRow = Readonly<Record<string, unknown>>

export class Influxdb {
  readonly port: number
  readonly process: ServerProcess
  /** User and password of an administrator, if it asks for one. */
  readonly #admin: string

  constructor(port: number, process: ServerProcess, admin: string) {
    this.port = port
    this.process = process
    this.#admin = admin
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /**
   * The rows of the first result.
   * @param epoch the unit of `time`; without one it is a text with all of its digits
   */
  async query(q: string, db = '', epoch = 'ns'): Promise<InfluxRow[]> {
    const headers = { authorization: `Basic ${Buffer.from(this.#admin).toString('base64')}` }
    const target = `${this.url}/query?${new URLSearchParams({ db, epoch })}`
    const body = new URLSearchParams({ q })
    const response = await fetch(target, { method: 'POST', body, headers })
    const text = await response.text()
    if (!response.ok) throw new Error(`InfluxDB answered ${response.status}: ${text}`)
    const [result] = (JSON.parse(text) as { results: Result[] }).results
    if (result?.error !== undefined) throw new Error(result.error)
    return (result?.series ?? []).flatMap(({ name, columns, values }) =>
      values.map((row) => ({
        measurement: name,
        ...Object.fromEntries(row.map((value, column) => [columns[column], value])),
      })),
    )
  }
}

interface Result {
  readonly error?: string
  readonly series?: readonly {
    readonly name: string
    readonly columns: readonly string[]
    readonly values: readonly (readonly unknown[])[]
  }[]
}

/** With `hasUsers`, the administrator is admin with the password secret. */
export async function startInfluxdb(t: Cleanup, hasUsers = false): Promise<Influxdb> {
  const directory = serverDirectory(t, 'influxdb')
  const [port = 0, backupPort = 0] = await freePorts(2)
  const config = join(directory, 'influxdb.conf')
  writeFileSync(
    config,
    `reporting-enabled = false
bind-address = "127.0.0.1:${backupPort}"
[meta]
  dir = "${join(directory, 'meta')}"
[data]
  dir = "${join(directory, 'data')}"
  wal-dir = "${join(directory, 'wal')}"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  auth-enabled = ${hasUsers}
  log-enabled = false
[ifql]
  enabled = false
`,
  )
  const server = new ServerProcess(t, {
    command: COMMAND ?? 'influxd',
    args: ['-config', config],
    answers: async () => (await fetch(`http://127.0.0.1:${port}/ping`)).status === 204,
  })
  await server.start()
  const influxdb = new Influxdb(port, server, 'admin:secret')
  if (hasUsers) {
    await influxdb.query(`CREATE USER "admin" WITH PASSWORD 'secret' WITH ALL PRIVILEGES`)
  }
  return influxdb
}
