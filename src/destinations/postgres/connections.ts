/** A few connections to the server, and statements on them that take bounded time. */
import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import type { Pool, PoolClient, PoolConfig, QueryResult } from 'pg'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { readNamedSecret } from '../../named-files/named-file.ts'
import { TlsFiles } from '../../named-files/tls-files.ts'
import { loadPackage } from '../optional-package.ts'
import type { PostgresOptions } from './options.ts'

const IDLE_MS = 60_000
/** The server ends a statement itself; this is for one that doesn't, or can't be reached any more. */
const GRACE_MS = 500

export interface Statement {
  readonly text: string
  readonly values?: readonly unknown[]
}

type Address = Required<Pick<PostgresOptions, 'host' | 'port' | 'user' | 'database'>> & {
  readonly password: string | undefined
}

export class Connections {
  readonly address: Address
  readonly #options: PostgresOptions
  readonly #place: string
  readonly #tls: TlsFiles | undefined
  #pool: Pool | undefined

  constructor(options: PostgresOptions, place: string) {
    this.#options = options
    this.#place = place
    this.address = addressOf(options)
    if (options.tls !== undefined) this.#tls = new TlsFiles(options.tls, { place: `${place}.tls` })
  }

  /** @throws {ConnectorError} InvalidConfiguration if pg is missing or a file can't be used */
  async open(): Promise<void> {
    const { passwordFile } = this.#options
    if (passwordFile !== undefined) await this.#readPassword(passwordFile)
    await this.#tls?.context()
    if (this.#pool !== undefined) return
    const { default: pg } = await loadPackage('pg', this.#place, () => import('pg'))
    this.#pool = new pg.Pool(this.#poolConfig())
    // A connection that ends while nobody uses it is replaced when one is needed.
    this.#pool.on('error', () => {})
    // While a connection is used, its end also fails the statement, which is where it is handled.
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  async close(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    // A connection that is being opened would make it wait. It ends by its own time limit.
    if (pool !== undefined && pool.totalCount === pool.idleCount) await pool.end()
    else void pool?.end().catch(() => {})
  }

  /**
   * Runs the statements one after another on one connection.
   * @throws what the server or the network reports; the signal's reason
   */
  async run(statements: readonly Statement[], signal: AbortSignal): Promise<QueryResult[]> {
    const client = await this.#connection(signal)
    let isUsable = false
    const stop = () => end(client)
    const timer = setTimeout(stop, this.#options.timeout + GRACE_MS)
    signal.addEventListener('abort', stop, { once: true })
    try {
      const results: QueryResult[] = []
      for (const { text, values = [] } of statements) {
        results.push(await client.query(text, [...values]))
      }
      isUsable = true
      return results
    } catch (error) {
      signal.throwIfAborted()
      // The connection is in order if the server itself has refused the statement.
      isUsable = error instanceof Error && 'severity' in error && error.severity === 'ERROR'
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      client.release(!isUsable)
    }
  }

  async #connection(signal: AbortSignal): Promise<PoolClient> {
    const pool = this.#pool
    if (pool === undefined) throw new ConnectorError('Stopping', 'the destination is closed')
    signal.throwIfAborted()
    if (this.#tls !== undefined && pool.idleCount === 0) {
      pool.options.ssl = await this.#tlsOptions(this.#tls)
    }
    const connected = pool.connect()
    return await new Promise((resolve, reject) => {
      const abort = () => {
        reject(signal.reason)
        connected.then(
          (late) => late.release(),
          () => {},
        )
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      connected.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    })
  }

  #poolConfig(): PoolConfig {
    const { timeout, connectTimeout, maxConnections, passwordFile } = this.#options
    const { host, port, user, database, password } = this.address
    return {
      host,
      port,
      user,
      database,
      ...(password !== undefined && { password }),
      ...(passwordFile !== undefined && { password: () => this.#readPassword(passwordFile) }),
      // If it were not set, environment variables would decide.
      ssl: false,
      max: maxConnections,
      idleTimeoutMillis: IDLE_MS,
      connectionTimeoutMillis: connectTimeout,
      statement_timeout: timeout,
      application_name: 'iot-analytics-connector',
      keepAlive: true,
    }
  }

  async #readPassword(path: string): Promise<string> {
    return await readNamedSecret(path, `${this.#place}.passwordFile`)
  }

  async #tlsOptions(files: TlsFiles): Promise<ConnectionOptions> {
    const { mode, servername } = this.#options.tls ?? { mode: 'verify-full' }
    try {
      return {
        ...(await files.contents()),
        rejectUnauthorized: mode !== 'require',
        checkServerIdentity: (host, certificate) =>
          mode === 'verify-full' ? checkServerIdentity(servername ?? host, certificate) : undefined,
      }
    } catch (error) {
      // The file was in order at the start, so the connector goes on and tries again.
      const { message } = asConnectorError(error, 'CredentialsUnavailable', this.#place)
      throw new ConnectorError('CredentialsUnavailable', message, { cause: error })
    }
  }
}

/** Ends the connection at once, also while a statement is running. */
function end(client: PoolClient & { readonly connection?: { stream: { destroy(): void } } }): void {
  client.connection?.stream.destroy()
}

function addressOf({ url, host, port, user, database, password }: PostgresOptions): Address {
  if (url === undefined) {
    const name = user ?? ''
    return {
      host: host ?? '',
      port: port ?? 5432,
      user: name,
      database: database ?? name,
      password,
    }
  }
  const parsed = new URL(url)
  const name = decodeURIComponent(parsed.username) || 'postgres'
  return {
    host: decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: Number(parsed.port || 5432),
    user: name,
    database: decodeURIComponent(parsed.pathname.slice(1)) || name,
    password: password ?? (decodeURIComponent(parsed.password) || undefined),
  }
}
