import assert from 'node:assert/strict'
import { chmod, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspectTables } from '../../../../src/analytics/tables/doctor/inspect-tables.ts'
import { repairTables } from '../../../../src/analytics/tables/doctor/repair-tables.ts'
import { compact } from '../../../../src/analytics/tables/jobs/compact.ts'
import { convert } from '../../../../src/analytics/tables/jobs/convert.ts'
import { listTable } from '../../../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../../../src/analytics/tables/table-location.ts'
import { duckdb } from '../../../support/analytics/duckdb.ts'
import { storeRows } from '../../../support/analytics/stored-rows.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'

const NOON = Date.parse('2026-11-29T12:00:00Z')

/** A table of two files with five rows each. */
async function plant(t: TestContext) {
  const directory = await temporaryDirectory(t)
  const connection = await duckdb(t)
  const rows = Array.from({ length: 10 }, (_, offset) => ({
    offset,
    time: NOON,
    payload: `{"n":${offset}}`,
  }))
  await storeRows(connection, rows)
  const part = { directory, channel: 'plant', connectorId: 'c1' }
  for (const from of [0, 5]) {
    await convert(connection, { ...part, logId: '0a1b2c3d', from, to: from + 5 })
  }
  const paths = (await listTable(directory, 'tables/plant')).files.map(({ path }) => path)
  const root = tableDirectory(directory, 'tables/plant')
  return {
    directory,
    root,
    paths,
    day: dirname(paths[0]!),
    compact: () =>
      compact(connection, { directory, table: 'tables/plant', connectorId: 'c1', paths }),
    kinds: async () => {
      const [{ findings } = { findings: [] }] = await inspectTables(directory)
      return findings.map(({ kind, file }) => [kind, file])
    },
  }
}

test('a directory without tables has none to inspect', async (t) => {
  const directory = await temporaryDirectory(t)

  assert.deepEqual(await inspectTables(directory), [])
  assert.deepEqual(await repairTables(directory), [])
})

test('a table that is well has rows and no findings', async (t) => {
  const { directory } = await plant(t)

  const [table] = await inspectTables(directory)

  assert.deepEqual([table?.channel, table?.files, table?.rows], ['plant', 2, 10])
  assert.deepEqual(table?.findings, [])
})

test('a byte that the medium has changed is found, and not made right by a repair', async (t) => {
  const { directory, root, paths, kinds } = await plant(t)
  await chmod(join(root, paths[1]!), 0o600)
  const file = await open(join(root, paths[1]!), 'r+')
  await file.write(Buffer.from([0xff]), 0, 1, 40)
  await file.close()

  assert.deepEqual(await kinds(), [['DamagedTable', paths[1]]])
  assert.deepEqual(await repairTables(directory), [])
  assert.deepEqual(await kinds(), [['DamagedTable', paths[1]]])
})

test('leftovers, superseded files and foreign names are distinguished; a repair removes leftovers alone', async (t) => {
  const { directory, root, day, paths, kinds, compact: compactAll } = await plant(t)
  await compactAll()
  const leftover = `${day}/.0a1b2c3d-0000000000000010-0000000000000020.parquet`
  await writeFile(join(root, leftover), 'half')
  await writeFile(join(root, 'notes.txt'), 'mine')
  const others = [
    ['SupersededTable', paths[0]],
    ['SupersededTable', paths[1]],
  ]

  assert.deepEqual(await kinds(), [...others, ['LeftOver', leftover], ['UnknownFile', 'notes.txt']])
  const repairs = await repairTables(directory)

  assert.deepEqual(
    repairs.map(({ finding, done }) => [finding.file, done]),
    [[leftover, 'Removed it.']],
  )
  assert.deepEqual(await kinds(), [...others, ['UnknownFile', 'notes.txt']])
})

test('a lost or damaged catalogue is found and rebuilt', async (t) => {
  const { directory, root, paths, kinds } = await plant(t)
  const catalogue = join(root, '_schema.json')

  await rm(catalogue)
  assert.deepEqual(await kinds(), [
    ['UnlistedTable', paths[0]],
    ['UnlistedTable', paths[1]],
  ])
  assert.equal((await repairTables(directory)).length, 1)
  assert.deepEqual(await kinds(), [])

  await writeFile(catalogue, '{')
  assert.deepEqual(await kinds(), [['DamagedCatalogue', '_schema.json']])
  assert.equal((await repairTables(directory)).length, 1)
  assert.deepEqual(await kinds(), [])
  assert.deepEqual((await readdir(root)).sort(), [dirname(paths[0]!), '_schema.json'])
})

test('rows that are in two files are found', async (t) => {
  const { root, day, kinds } = await plant(t)
  await mkdir(join(root, day), { recursive: true })
  const other = `${day}/0a1b2c3d-0000000000000003-0000000000000007.parquet`
  await writeFile(join(root, other), 'x')

  const found = await kinds()

  assert.ok(found.some(([kind, file]) => kind === 'OverlappingTable' && file === other))
})
