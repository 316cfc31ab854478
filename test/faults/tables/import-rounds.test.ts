/** `IMPORT_KILLS` sets the number of kills, `IMPORT_SEED` the moments. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parquetSource } from '../../../src/analytics/tables/jobs/parquet-file.ts'
import { listTable } from '../../../src/analytics/tables/table-listing.ts'
import { type TableLocation, tableDirectory } from '../../../src/analytics/tables/table-location.ts'
import { duckdb, rowsOf } from '../../support/analytics/duckdb.ts'
import { writeArchive, writeExport } from '../../support/analytics/import-files.ts'
import { temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { runUntilKilled } from '../../support/processes/killed-program.ts'
import { Random } from '../../support/random.ts'

const ROUNDS = Number(process.env['IMPORT_KILLS'] ?? 16)
const SEED = Number(process.env['IMPORT_SEED'] ?? 4711)
const START = Date.UTC(2020, 9, 15, 23, 55)
const ARCHIVES = 20
const ROWS = 50
const LIFE = {
  program: join(import.meta.dirname, 'importing-program.js'),
  mostCalls: 60,
  mostMs: 1_000,
}
const TABLES: readonly TableLocation[] = ['tables/press', 'datastores/measured/__import']

test('wherever an import is killed, no row is there twice, and the next one completes it', {
  timeout: 60_000 + ROUNDS * 10_000,
}, async (t) => {
  const files = await temporaryDirectory(t)
  const directory = await temporaryDirectory(t)
  writeFiles(files)
  const random = new Random(SEED)
  const expected = Array.from({ length: ARCHIVES * ROWS }, (_, n) => n)
  let kills = 0
  let partial = 0

  for (let round = 0; round < ROUNDS; round++) {
    const isDone = await runUntilKilled({ ...LIFE, args: [directory, files] }, random)
    for (const table of TABLES) {
      const found = await numbersIn(t, directory, table)
      const what = `seed ${SEED}, round ${round}, ${table}`
      assert.equal(new Set(found).size, found.length, `${what}: a row is there twice`)
      if (isDone) assert.deepEqual(found, expected, what)
      else if (found.length > 0 && found.length < expected.length) partial++
    }
    if (!isDone) kills++
    // A killed import is completed by the next one; one that has ended begins again.
    if (isDone) {
      for (const table of TABLES) await rm(tableDirectory(directory, table), { recursive: true })
    }
  }

  t.diagnostic(`${ROUNDS} rounds, ${kills} killed, ${partial} tables with a part of the rows`)
  assert.ok(kills > 0, 'some imports were killed')
})

function writeFiles(files: string): void {
  const lines = Array.from({ length: ARCHIVES * ROWS }, (_, n) => JSON.stringify({ n }))
  for (let at = 0; at < ARCHIVES; at++) {
    const some = lines.slice(at * ROWS, (at + 1) * ROWS)
    writeArchive(files, { channel: 'press', at: START + at * 30_000, lines: some })
  }
  const rows = lines.map((_, n) => `"${n}","2020-10-${10 + (n % 3)} 00:00:00.000"`)
  writeExport(files, 'measured', ['"n","__dt"', ...rows].join('\n'))
}

async function numbersIn(t: TestContext, directory: string, table: TableLocation) {
  const { files } = await listTable(directory, table)
  if (files.length === 0) return []
  const paths = files.map(({ path }) => join(tableDirectory(directory, table), path))
  const rows = await rowsOf(await duckdb(t), `SELECT n FROM ${parquetSource(paths)} ORDER BY n`)
  return rows.map(({ n }) => Number(n))
}
