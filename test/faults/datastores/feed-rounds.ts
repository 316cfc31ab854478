/** Kills a process that runs a pipeline, again and again, and looks at what it has left. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { readCatalogue } from '../../../src/analytics/tables/catalogue.ts'
import { fileSum } from '../../../src/analytics/tables/file-sum.ts'
import { listTable } from '../../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../../src/analytics/tables/table-location.ts'
import { storeMessages, TABLE } from '../../support/analytics/derivations.ts'
import { rowsOf } from '../../support/analytics/duckdb.ts'
import { runUntilKilled } from '../../support/processes/killed-program.ts'
import { Random } from '../../support/random.ts'

const ROWS = 1_500
/** The rows are of two days. */
const START = Date.parse('2026-11-29T23:59:00Z')
const ROW_MS = 80
const LIFE = {
  program: join(import.meta.dirname, 'feeding-program.js'),
  mostCalls: 200,
  mostMs: 2_500,
}

export interface FeedFigures {
  readonly killed: number
  /** How often everything was processed twice, and it began again. */
  readonly finished: number
  /** Sentences; empty if every round left what it must. */
  readonly faults: readonly string[]
}

/** @param options.connection reads the files */
export async function feedRounds(options: {
  readonly directory: string
  readonly connection: DuckDBConnection
  readonly rounds: number
  readonly seed: number
}): Promise<FeedFigures> {
  const { directory, connection, rounds, seed } = options
  const random = new Random(seed)
  const messages = Array.from({ length: ROWS }, (_, n) => {
    return { payload: JSON.stringify({ n, kind: n % 3 }), at: START + n * ROW_MS }
  })
  await storeMessages(directory, messages)
  const faults: string[] = []
  let killed = 0
  let finished = 0
  for (let round = 0; round < rounds; round++) {
    const isDone = await runUntilKilled({ ...LIFE, args: [directory] }, random)
    const found = await faultsIn(directory, connection, isDone)
    faults.push(...found.map((fault) => `seed ${seed}, round ${round}: ${fault}`))
    if (!isDone) killed++
    if (!isDone && found.length === 0) continue
    if (isDone) finished++
    for (const name of ['datastores', 'pipelines']) {
      await rm(join(directory, name), { recursive: true, force: true })
    }
  }
  return { killed, finished, faults }
}

async function faultsIn(
  directory: string,
  connection: DuckDBConnection,
  isDone: boolean,
): Promise<string[]> {
  const faults: string[] = []
  const root = tableDirectory(directory, TABLE)
  const { files, unknown } = await listTable(directory, TABLE)
  const catalogue = await readCatalogue(directory, TABLE)
  if (catalogue === 'damaged') faults.push('the catalogue is damaged')
  if (unknown.length > 0) faults.push(`unknown names: ${unknown.join(', ')}`)
  const facts = catalogue === 'damaged' ? undefined : catalogue?.files
  const seen = new Map<number, boolean>()
  let end = 0
  for (const { path, first, end: next } of files) {
    if (first < end) faults.push(`expected a file from ${end}, found ${path}`)
    end = Math.max(end, next)
    const whole = join(root, path)
    const { crc32 } = await fileSum(whole)
    const { crc32: now, formerCrc32 } = facts?.get(path) ?? {}
    if (crc32 !== now && crc32 !== formerCrc32) faults.push(`another checksum: ${path}`)
    for (const { offset, isAgain } of await rowsIn(connection, whole)) {
      if (seen.has(offset)) faults.push(`${offset} is there twice, in ${path}`)
      if (offset < first || offset >= next) faults.push(`${offset} is in ${path}`)
      seen.set(offset, isAgain)
    }
  }
  for (let n = 0; n < end; n++) {
    const isAgain = seen.get(n)
    if (isAgain === undefined && n % 3 !== 0) faults.push(`${n} is missing`)
    if (isAgain === false && n % 3 === 0) faults.push(`${n} is there too early`)
    if (isDone && isAgain !== true) faults.push(`${n} was not processed again`)
  }
  if (isDone && end !== ROWS) faults.push(`expected ${ROWS} rows at the end, found ${end}`)
  return faults
}

async function rowsIn(connection: DuckDBConnection, path: string) {
  const file = `read_parquet(['${path}'], hive_partitioning = false)`
  const columns = await rowsOf(connection, `SELECT column_name FROM (DESCRIBE FROM ${file})`)
  const hasMark = columns.some((column) => column['column_name'] === 'v')
  const mark = hasMark ? 'v IS NOT NULL' : 'false'
  const rows = await rowsOf(connection, `SELECT "offset", ${mark} AS again FROM ${file}`)
  return rows.map((row) => ({ offset: Number(row['offset']), isAgain: row['again'] === true }))
}
