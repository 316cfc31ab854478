/** PostgreSQL in a new data directory. It refuses to run as root, so it gets another user then. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type Cleanup, freePort, ServerProcess, serverDirectory } from './server-process.ts'

const VERSIONS = '/usr/lib/postgresql'
const USER = 'postgres'
const isRoot = process.getuid?.() === 0
const binaries = newestBinaries()

export const skipWithoutPostgres: string | false = reasonToSkip()

export interface PostgresOptions {
  /** Lines of pg_hba.conf. By default everybody on this machine may log in as anybody. */
  readonly access?: readonly string[]
  /** More settings, such as `max_connections=5`. */
  readonly settings?: readonly string[]
  /** PEM files of the server's certificate and key. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

export class Postgres {
  readonly port: number
  readonly directory: string
  readonly process: ServerProcess

  constructor(port: number, directory: string, process: ServerProcess) {
    this.port = port
    this.directory = directory
    this.process = process
  }

  get url(): string {
    return `postgres://${USER}@127.0.0.1:${this.port}/postgres`
  }

  /** Kills the server with all of its processes, which otherwise would end one after another. */
  async crash(): Promise<void> {
    const { pid } = this.process
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    await this.process.kill()
    for (const child of children) {
      try {
        process.kill(Number(child), 'SIGKILL')
      } catch {
        // It has ended already.
      }
    }
    while (children.some((child) => existsSync(`/proc/${child}`))) await delay(10)
  }

  /** Runs a statement on a connection of its own, and returns its rows. */
  // biome-ignore lint/suspicious/noExplicitAny: rows of any statement
  async query(text: string, values: readonly unknown[] = [], database = USER): Promise<any[]> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: USER, database })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(text, [...values])).rows
    } finally {
      await client.end()
    }
  }
}

export async function startPostgres(
  t: Cleanup,
  { access = ['host all all 127.0.0.1/32 trust'], settings = [], tls }: PostgresOptions = {},
): Promise<Postgres> {
  const directory = serverDirectory(t, 'postgres')
  const data = join(directory, 'data')
  mkdirSync(data)
  if (isRoot) {
    chmodSync(directory, 0o755)
    execFileSync('chown', [USER, data])
  }
  const [initdb = '', ...initArgs] = asUser('initdb', ['-D', data, '-A', 'trust', '-U', USER, '-N'])
  execFileSync(initdb, initArgs, { stdio: 'ignore', cwd: '/' })
  const hba = access.map((line) => `${line}\n`).join('')
  execFileSync('tee', [join(data, 'pg_hba.conf')], {
    input: hba,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const port = await freePort()
  const all = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', ...settings]
  if (tls !== undefined) {
    copyFileSync(tls.cert, join(data, 'server.crt'))
    copyFileSync(tls.key, join(data, 'server.key'))
    chmodSync(join(data, 'server.key'), 0o600)
    if (isRoot) execFileSync('chown', [USER, join(data, 'server.crt'), join(data, 'server.key')])
    all.push('ssl=on')
  }
  const flags = all.flatMap((setting) => ['-c', setting])
  const [command = '', ...args] = asUser('postgres', ['-D', data, '-p', String(port), ...flags])
  const server: Postgres = new Postgres(
    port,
    data,
    new ServerProcess(t, {
      command,
      args,
      cwd: '/',
      answers: async () => (await fetchOne(server)) === 1,
    }),
  )
  await server.process.start()
  return server
}

async function fetchOne(server: Postgres): Promise<number> {
  const [row] = await server.query('select 1 as one')
  return row.one
}

/** setpriv becomes the program, so that the process that signals reach is the server. */
function asUser(program: string, args: readonly string[]): string[] {
  const command = [join(binaries ?? '', program), ...args]
  if (!isRoot) return command
  return ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', ...command]
}

function newestBinaries(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined
  const versions = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))
  return versions
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((path) => existsSync(join(path, 'initdb')))
}

function reasonToSkip(): string | false {
  if (binaries === undefined) return 'PostgreSQL is missing: apt-get install postgresql'
  if (!isRoot) return false
  const [command = '', ...args] = asUser('postgres', ['--version'])
  const { status } = spawnSync(command, args, { stdio: 'ignore', cwd: '/' })
  return status === 0 ? false : `PostgreSQL can’t be run as the user ${USER}`
}
