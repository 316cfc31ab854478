/** Kills a process that converts and compacts, again and again, and looks at what it has left. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { readCatalogue } from '../../../src/analytics/tables/catalogue.ts'
import { fileSum } from '../../../src/analytics/tables/file-sum.ts'
import { parquetSource } from '../../../src/analytics/tables/jobs/parquet-file.ts'
import { listTable } from '../../../src/analytics/tables/table-listing.ts'
import {
  channelTable,
  TABLES_NAME,
  tableDirectory,
} from '../../../src/analytics/tables/table-location.ts'
import { rowsOf } from '../../support/analytics/duckdb.ts'
import { draftOf } from '../../support/channels/log-drafts.ts'
import { diskStore } from '../../support/disk/disk-stores.ts'
import { runUntilKilled } from '../../support/processes/killed-program.ts'
import { Random } from '../../support/random.ts'

const CHANNEL = 'plant'
const ROWS = 1_500
/** The rows are of two days. */
const START = Date.parse('2026-11-29T23:59:00Z')
const ROW_MS = 80
const LIFE = {
  program: join(import.meta.dirname, 'converting-program.js'),
  mostCalls: 120,
  mostMs: 1_500,
}

export interface KillFigures {
  readonly rounds: number
  readonly killed: number
  /** How often all rows were converted and compacted, and it began again. */
  readonly finished: number
  /** Sentences; empty if every round left what it must. */
  readonly faults: readonly string[]
}

/** @param options.connection reads the files */
export async function killRounds(options: {
  readonly directory: string
  readonly connection: DuckDBConnection
  readonly rounds: number
  readonly seed: number
}): Promise<KillFigures> {
  const { directory, connection, rounds, seed } = options
  const random = new Random(seed)
  await storeRows(directory)
  const faults: string[] = []
  let killed = 0
  let finished = 0
  for (let round = 0; round < rounds; round++) {
    const isDone = await runUntilKilled({ ...LIFE, args: [directory, CHANNEL] }, random)
    const found = await faultsIn(directory, connection, isDone)
    faults.push(...found.map((fault) => `seed ${seed}, round ${round}: ${fault}`))
    if (!isDone) killed++
    if (!isDone && found.length === 0) continue
    if (isDone) finished++
    await rm(join(directory, TABLES_NAME), { recursive: true, force: true })
  }
  return { rounds, killed, finished, faults }
}

async function storeRows(directory: string): Promise<void> {
  const store = diskStore({ directory })
  await store.open()
  const log = store.create(CHANNEL)
  for (let n = 0; n < ROWS; n++) {
    const payload = JSON.stringify({ n, name: `device-${n % 7}` })
    log.append(draftOf(payload, { receivedAt: START + n * ROW_MS }))
  }
  await store.commit()
  await store.close()
}

async function faultsIn(
  directory: string,
  connection: DuckDBConnection,
  isDone: boolean,
): Promise<string[]> {
  const faults: string[] = []
  const root = tableDirectory(directory, channelTable(CHANNEL))
  const { files, superseded, unknown } = await listTable(directory, channelTable(CHANNEL))
  const catalogue = await readCatalogue(directory, channelTable(CHANNEL))
  const facts = catalogue === 'damaged' ? undefined : catalogue?.files
  if (catalogue === 'damaged') faults.push('the catalogue is damaged')
  if (unknown.length > 0) faults.push(`unknown names: ${unknown.join(', ')}`)
  let end = 0
  for (const { path, first, end: next } of files) {
    if (first !== end) faults.push(`expected a file from ${end}, found ${path}`)
    end = next
    if (facts?.get(path)?.crc32 !== (await fileSum(join(root, path))).crc32) {
      faults.push(`the catalogue does not have the checksum of ${path}`)
    }
  }
  for (const { path, first, end } of [...files, ...superseded.map(({ file }) => file)]) {
    const fault = await faultOf(connection, join(root, path), first, end)
    if (fault !== undefined) faults.push(`${path}: ${fault}`)
  }
  if (isDone && (end !== ROWS || files.length !== 2 || superseded.length > 0)) {
    faults.push(
      `expected two files with ${ROWS} rows at the end, found ${files.length} with ${end}`,
    )
  }
  return faults
}

async function faultOf(
  connection: DuckDBConnection,
  path: string,
  first: number,
  end: number,
): Promise<string | undefined> {
  try {
    const [row] = await rowsOf(
      connection,
      `SELECT count(*) AS rows, count(DISTINCT "offset") AS offsets, min("offset") AS first,
         max("offset") AS last, count(*) FILTER (n = "offset" AND decode(payload) LIKE '{"n":' || n || ',%') AS right
       FROM ${parquetSource([path])}`,
    )
    const found = JSON.stringify(Object.values(row ?? {}).map(Number))
    const wanted = JSON.stringify([end - first, end - first, first, end - 1, end - first])
    return found === wanted ? undefined : `expected ${wanted}, found ${found}`
  } catch (error) {
    return String(error)
  }
}
