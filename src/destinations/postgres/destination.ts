/**
 * Inserts messages into a table of PostgreSQL. The position of each log is a row of a second table
 * that the same statement moves, so a batch that is sent again inserts nothing.
 */
import { randomUUID } from 'node:crypto'
import type { QueryResult } from 'pg'
import { type ConnectionPeer, peerAt } from '../../connection-errors/peer.ts'
import { ConnectorError } from '../../errors.ts'
import type { Message } from '../../message.ts'
import { counted } from '../../units.ts'
import { batchRuleOf } from '../batch-rule.ts'
import {
  ALL_ACCEPTED,
  type Batch,
  type BatchOutcome,
  type BatchRule,
  type Destination,
} from '../destination.ts'
import { type DestinationSettings, NO_REPORTS } from '../destination-settings.ts'
import { Connections, type Statement } from './connections.ts'
import { failureOf, sqlStateOf } from './failure.ts'
import type { PostgresOptions } from './options.ts'
import { RowArrays } from './row-arrays.ts'
import { type Statements, statementsFor } from './statements.ts'

const LIMITS = {
  defaults: { messages: 1_000, bytes: 1_048_576, intervalMs: 1_000 },
  most: { messages: 50_000, bytes: 67_108_864 },
}
/** Row arrays kept for later. */
const MAX_KEPT_ARRAYS = 4
/** Statements of earlier attempts may still be running. Each can move the position once more. */
const MAX_ROUNDS = 4

export class PostgresDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #settings: DestinationSettings<PostgresOptions>
  readonly #statements: Statements
  readonly #connections: Connections
  readonly #at: string
  readonly #peer: ConnectionPeer
  /**
   * Stands in the position row while this process writes to it. A statement that an earlier process
   * has sent, and that arrives late, finds another writer there and does nothing.
   */
  readonly #writer = randomUUID()
  /** The positions of the logs whose rows this process has taken. */
  readonly #positions = new Map<string, number>()
  /** The position of each log that this process has seen last. It only goes back if commits are lost. */
  readonly #seen = new Map<string, number>()
  readonly #keptArrays: RowArrays[] = []
  #hasTables: boolean

  constructor(settings: DestinationSettings<PostgresOptions>) {
    const { name, place, options, batch } = settings
    this.#settings = settings
    this.name = name
    this.batchRule = batchRuleOf(batch, place, LIMITS)
    this.#statements = statementsFor(options)
    this.#connections = new Connections(options, place)
    this.#peer = peerAt('server', `${place}.tls`, `${place}.host and ${place}.port`)
    this.#hasTables = !options.create
    const { host, port, database } = this.#connections.address
    this.#at = `${host}:${port}/${database}`
    this.description = `PostgreSQL table ${this.#statements.table} at ${this.#at}`
  }

  async open(): Promise<void> {
    await this.#connections.open()
  }

  async close(): Promise<void> {
    await this.#connections.close()
  }

  async position(channel: string, logId: string, signal: AbortSignal): Promise<number> {
    const doing = `reading the position of channel ${channel} at ${this.#at}`
    await this.#ensureTables(signal)
    const key = [this.#settings.connectorId, channel, logId]
    const statement = { text: this.#statements.claim, values: [...key, this.#writer] }
    const [result] = await this.#run([statement], doing, signal)
    const position = Number(result?.rows[0]?.next)
    this.#setPosition({ channel, logId }, position)
    return position
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    const { channel, logId, messages } = batch
    const key = keyOf(channel, logId)
    let position = this.#positions.get(key) ?? (await this.position(channel, logId, signal))
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const rest = messagesFrom(messages, position)
      const last = rest.at(-1)
      if (last === undefined) return ALL_ACCEPTED
      const stored = await this.#store({ ...batch, messages: rest }, position, signal)
      if (stored === rest.length) {
        this.#setPosition(batch, last.offset + 1)
        return ALL_ACCEPTED
      }
      position = await this.#look(batch, signal)
      this.#setPosition(batch, position)
    }
    const text = `${this.#doing(batch)}: the position in ${this.#statements.positionTable} does not stay the same`
    throw new ConnectorError('DestinationUnavailable', text)
  }

  async check(signal: AbortSignal, note?: (text: string) => void): Promise<void> {
    if (!this.#hasTables && (await this.#lacksTables(signal))) {
      note?.(
        `the table ${this.#statements.table} or ${this.#statements.positionTable} is not there; it will be created before the first batch`,
      )
      return
    }
    const statements = this.#statements.tryOut.map((text) => ({ text }))
    const doing = `checking the table ${this.#statements.table} at ${this.#at}`
    await this.#run(statements, doing, signal)
  }

  /** @returns the number of rows inserted: all or, if the position is another one, none */
  async #store(batch: Batch, position: number, signal: AbortSignal): Promise<number> {
    const { channel, logId, messages } = batch
    const end = (messages.at(-1)?.offset ?? 0) + 1
    const key = [this.#settings.connectorId, channel, logId]
    const arrays = this.#keptArrays.pop() ?? new RowArrays()
    const values = [...key, position, this.#writer, end, ...arrays.write(messages)]
    const statement = { text: this.#statements.store, values }
    const [result] = await this.#run([statement], this.#doing(batch), signal)
    // Not after a failure: the client may still hold them.
    if (this.#keptArrays.length < MAX_KEPT_ARRAYS) this.#keptArrays.push(arrays)
    return result?.rowCount ?? 0
  }

  /** The position, after a statement that did not insert all rows. */
  async #look({ channel, logId }: Batch, signal: AbortSignal): Promise<number> {
    const { connectorId } = this.#settings
    const statement = { text: this.#statements.look, values: [connectorId, channel, logId] }
    const doing = `reading the position of channel ${channel} at ${this.#at}`
    const [result] = await this.#run([statement], doing, signal)
    const row = result?.rows[0]
    if (row === undefined) {
      this.#positions.delete(keyOf(channel, logId))
      const text = `${doing}: its row in ${this.#statements.positionTable} is gone`
      throw new ConnectorError('DestinationUnavailable', text)
    }
    const position = Number(row.next)
    if (row.writer === this.#writer) return position
    // If commits are lost, then perhaps also the one that named this process.
    const isLost = position < (this.#seen.get(keyOf(channel, logId)) ?? 0)
    if (isLost) return await this.position(channel, logId, signal)
    throw this.#anotherWriter(channel)
  }

  #setPosition({ channel, logId }: LogName, position: number): void {
    const key = keyOf(channel, logId)
    const before = this.#seen.get(key) ?? 0
    this.#positions.set(key, position)
    this.#seen.set(key, position)
    if (position >= before) return
    const count = before - position
    const { reports = NO_REPORTS } = this.#settings
    const detail = `${this.#statements.table} at ${this.#at} lacks messages of channel ${channel} (log ${logId}) that it had stored before: up to ${count}, with offsets ${position} to ${before - 1}. The position in ${this.#statements.positionTable} has gone back, as after a failover to a server that lacked the newest commits, or after a backup was restored. If they are still in the channel’s history, this sends them again, to all destinations: iot-analytics-connector replay --channel ${channel} --from ${position} --to ${before}`
    reports.noticed(channel, { code: 'CommitsLost', count, detail })
  }

  #anotherWriter(channel: string): ConnectorError {
    const { connectorId } = this.#settings
    return new ConnectorError(
      'DestinationDenied',
      `another connector with the id ${connectorId} writes to ${this.#statements.table} at ${this.#at} (channel ${channel}). Only one may use an id, or messages would be taken for those of the other. If a data directory was copied, give the copy an id of its own. Then restart this connector.`,
    )
  }

  async #ensureTables(signal: AbortSignal): Promise<void> {
    if (this.#hasTables) return
    const doing = `creating the table ${this.#statements.table} at ${this.#at}`
    const [found] = await this.#run([{ text: this.#statements.exists }], doing, signal)
    if (found?.rows[0]?.exists !== true) {
      for (const text of this.#statements.create) {
        await this.#run([{ text }], doing, signal, isCreatedByAnother)
      }
    }
    this.#hasTables = true
  }

  /** @throws {ConnectorError} if a table is missing that could not be created */
  async #lacksTables(signal: AbortSignal): Promise<boolean> {
    const { exists, mayCreate, table } = this.#statements
    const doing = `looking for the table ${table} at ${this.#at}`
    const [found] = await this.#run([{ text: exists }], doing, signal)
    if (found?.rows[0]?.exists === true) return false
    const [may] = await this.#run([{ text: mayCreate }], doing, signal)
    const answer = may?.rows[0]?.may
    if (answer === true) return true
    const [code, text] =
      answer === null
        ? (['DestinationMissing', 'there is no schema in the search_path; set schema'] as const)
        : (['DestinationDenied', 'the user lacks CREATE on the schema; grant it'] as const)
    throw new ConnectorError(code, `${doing}: it is not there, and ${text}, or create the tables`)
  }

  async #run(
    statements: readonly Statement[],
    doing: string,
    signal: AbortSignal,
    isHarmless = (_: unknown) => false,
  ): Promise<QueryResult[]> {
    try {
      return await this.#connections.run(statements, signal)
    } catch (thrown) {
      if (signal.aborted) throw new ConnectorError('Stopping', `${doing}: aborted`)
      if (isHarmless(thrown)) return []
      const failure = failureOf(thrown, doing, this.#peer)
      // Somebody has dropped it. It is created again if the settings say so.
      if (sqlStateOf(thrown) === '42P01') this.#forgetTables()
      if (failure.code !== 'InvalidConfiguration') throw failure
      throw new ConnectorError('CredentialsUnavailable', failure.message, { cause: thrown })
    }
  }

  #forgetTables(): void {
    this.#hasTables = !this.#settings.options.create
    this.#positions.clear()
  }

  #doing({ channel, messages }: Batch): string {
    const { table } = this.#statements
    return `storing ${counted(messages.length, 'message')} of channel ${channel} in ${table} at ${this.#at}`
  }
}

type LogName = Pick<Batch, 'channel' | 'logId'>

/** Two connectors that create the same table at the same time. */
function isCreatedByAnother(thrown: unknown): boolean {
  return ['23505', '42710', '42P07'].includes(sqlStateOf(thrown) ?? '')
}

/** Those that the position does not cover. */
function messagesFrom(messages: readonly Message[], position: number): readonly Message[] {
  const first = messages.findIndex(({ offset }) => offset >= position)
  if (first === 0) return messages
  return first === -1 ? [] : messages.slice(first)
}

function keyOf(channel: string, logId: string): string {
  return `${channel}/${logId}`
}
