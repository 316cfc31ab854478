/** PgBouncer in front of a PostgreSQL, which it shares among clients transaction by transaction. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { findCommand } from './find-command.ts'
import { type Cleanup, freePort, ServerProcess, serverDirectory } from './server-process.ts'

const COMMAND = findCommand('pgbouncer')
const isRoot = process.getuid?.() === 0

export const skipWithoutPgBouncer: string | false =
  COMMAND === undefined ? 'PgBouncer is missing: apt-get install pgbouncer' : false

/** Resolves with its port. The users log in without a password. */
export async function startPgBouncer(
  t: Cleanup,
  postgresPort: number,
  users: readonly string[],
): Promise<number> {
  const directory = serverDirectory(t, 'pgbouncer')
  const port = await freePort()
  const settings = join(directory, 'pgbouncer.ini')
  const list = join(directory, 'users.txt')
  writeFileSync(list, users.map((user) => `"${user}" ""\n`).join(''))
  writeFileSync(
    settings,
    `[databases]
* = host=127.0.0.1 port=${postgresPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${list}
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = statement_timeout
`,
  )
  // PgBouncer does not run as root: it becomes another user, who has to read its files.
  chmodSync(directory, 0o755)
  const asUser = isRoot ? ['-u', 'postgres'] : []
  const process = new ServerProcess(t, {
    command: COMMAND ?? 'pgbouncer',
    args: [...asUser, settings],
    cwd: '/',
    answers: async () => {
      const client = new pg.Client({
        host: '127.0.0.1',
        port,
        user: users[0],
        database: 'postgres',
      })
      client.on('error', () => {})
      await client.connect()
      await client.query('select 1')
      await client.end()
      return true
    },
  })
  await process.start()
  return port
}
