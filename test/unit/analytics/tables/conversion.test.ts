import assert from 'node:assert/strict'
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { driftOf, readCatalogue } from '../../../../src/analytics/tables/catalogue.ts'
import { planCompaction } from '../../../../src/analytics/tables/compaction-plan.ts'
import { fileSum } from '../../../../src/analytics/tables/file-sum.ts'
import { compact } from '../../../../src/analytics/tables/jobs/compact.ts'
import { convert } from '../../../../src/analytics/tables/jobs/convert.ts'
import { dayRanges } from '../../../../src/analytics/tables/jobs/day-ranges.ts'
import { parquetSource } from '../../../../src/analytics/tables/jobs/parquet-file.ts'
import { openCatalogue } from '../../../../src/analytics/tables/jobs/rebuild.ts'
import { coverageOf, listTable } from '../../../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../../../src/analytics/tables/table-location.ts'
import { duckdb, rowsOf } from '../../../support/analytics/duckdb.ts'
import { type StoredRow, storeRows } from '../../../support/analytics/stored-rows.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'

const LOG = '0a1b2c3d'
const NOON = Date.parse('2026-11-29T12:00:00Z')
const DAY_MS = 86_400_000

function rowsFrom(first: number, count: number, row: Partial<StoredRow> = {}): StoredRow[] {
  return Array.from({ length: count }, (_, index) => {
    const offset = first + index
    return {
      offset,
      time: NOON + index,
      payload: `{"n":${offset},"name":"d${offset % 3}"}`,
      ...row,
    }
  })
}

/** A data directory whose channel `plant` stores the rows, and a way to convert them. */
async function plant(t: TestContext, rows: readonly StoredRow[]) {
  const directory = await temporaryDirectory(t)
  const connection = await duckdb(t)
  await storeRows(connection, rows)
  const part = { directory, channel: 'plant', connectorId: 'c1' }
  return {
    directory,
    connection,
    root: tableDirectory(directory, 'tables/plant'),
    convert: (from: number, to: number, logId = LOG) =>
      convert(connection, { ...part, logId, from, to }),
    compact: (paths: readonly string[]) =>
      compact(connection, { directory, table: 'tables/plant', connectorId: 'c1', paths }),
    files: async () => (await listTable(directory, 'tables/plant')).files,
    catalogue: async () => {
      const catalogue = await readCatalogue(directory, 'tables/plant')
      assert.ok(catalogue !== undefined && catalogue !== 'damaged')
      return catalogue
    },
  }
}

async function readTable(
  { connection, root, files }: Awaited<ReturnType<typeof plant>>,
  columns: string,
) {
  const paths = (await files()).map(({ path }) => join(root, path))
  const source = parquetSource(paths).replace(')', ', union_by_name = true)')
  return rowsOf(connection, `SELECT ${columns} FROM ${source} ORDER BY "offset"`)
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

test('a range of rows becomes one file, with typed columns and everything of the message', async (t) => {
  const correlationData = Buffer.from([0, 255])
  const table = await plant(t, [
    ...rowsFrom(0, 10),
    { ...rowsFrom(10, 1)[0]!, senderId: 's', responseTopic: 'back', correlationData },
  ])

  const result = await table.convert(0, 11)

  const [file] = await table.files()
  assert.deepEqual(
    { rows: result.rows, files: result.files, drifted: result.drifted },
    { rows: 11, files: 1, drifted: 0 },
  )
  assert.deepEqual([file?.first, file?.end, file?.day], [0, 11, '2026-11-29'])
  assert.equal(await modeOf(join(table.root, file!.path)), 0o444)
  const rows = await readTable(table, '*')
  assert.equal(rows.length, 11)
  assert.deepEqual(Object.keys(rows[0]!), [
    'offset',
    'arrival_time',
    'message_id',
    'topic',
    'sender_id',
    'response_topic',
    'correlation_data',
    'payload',
    'drift',
    'n',
    'name',
  ])
  assert.deepEqual([rows[3]?.['n'], rows[3]?.['name'], rows[3]?.['sender_id']], [3n, 'd0', null])
  assert.deepEqual([rows[10]?.['sender_id'], rows[10]?.['response_topic']], ['s', 'back'])
  assert.deepEqual(rows[10]?.['correlation_data'], correlationData)
  assert.deepEqual(rows[3]?.['arrival_time'], new Date(NOON + 3))
})

test('the catalogue has the columns, and for each file rows, drift and checksum', async (t) => {
  const table = await plant(t, [
    ...rowsFrom(0, 20),
    ...rowsFrom(20, 2, { payload: '{"n":"twenty","name":"x"}' }),
  ])

  await table.convert(0, 22)

  const catalogue = await table.catalogue()
  const [file] = await table.files()
  const { bytes, crc32 } = await fileSum(join(table.root, file!.path))
  assert.deepEqual(catalogue.columns, [
    { name: 'n', path: ['n'], type: 'BIGINT' },
    { name: 'name', path: ['name'], type: 'VARCHAR' },
  ])
  assert.deepEqual(catalogue.files.get(file!.path), { bytes, crc32, rows: 22, drift: { n: 2 } })
  assert.deepEqual([...driftOf(catalogue)], [['n', 2]])
  const rows = await readTable(table, '"offset", n, drift')
  assert.deepEqual(rows[21], { offset: 21n, n: null, drift: 'n' })
})

test('a file says of itself which connector, channel and log it is from', async (t) => {
  const table = await plant(t, rowsFrom(0, 3))
  await table.convert(0, 3)
  const [file] = await table.files()

  const pairs = await rowsOf(
    table.connection,
    `SELECT decode(key) AS key, decode(value) AS value
     FROM parquet_kv_metadata('${join(table.root, file!.path)}') ORDER BY ALL`,
  )

  assert.deepEqual(
    pairs.map(({ key, value }) => [key, value]),
    [
      ['channel', 'plant'],
      ['columns', JSON.stringify((await table.catalogue()).columns)],
      ['connector', 'c1'],
      ['log_id', LOG],
    ],
  )
})

test('rows of several days become a file for each day', async (t) => {
  const table = await plant(t, [
    ...rowsFrom(5, 3),
    ...rowsFrom(8, 3, { time: NOON + DAY_MS }),
    ...rowsFrom(12, 1, { time: NOON + 2 * DAY_MS }),
  ])

  await table.convert(5, 20)

  assert.deepEqual(
    (await table.files()).map(({ day, first, end }) => [day, first, end]),
    [
      ['2026-11-29', 5, 8],
      ['2026-11-30', 8, 12],
      ['2026-12-01', 12, 20],
    ],
  )
})

test('days that overlap because the clock was set back are one range', () => {
  const days = [
    { day: '2026-11-30', from: 10, to: 30 },
    { day: '2026-11-29', from: 0, to: 20 },
    { day: '2026-12-01', from: 40, to: 50 },
  ]

  assert.deepEqual(dayRanges({ from: 0, to: 60 }, days), [
    { day: '2026-11-30', from: 0, to: 40 },
    { day: '2026-12-01', from: 40, to: 60 },
  ])
  assert.deepEqual(dayRanges({ from: 0, to: 60 }, []), [])
})

test('a range without rows makes no file', async (t) => {
  const table = await plant(t, rowsFrom(0, 3))

  const result = await table.convert(10, 20)

  assert.deepEqual(result, { to: 20, rows: 0, files: 0, bytes: 0, payloadBytes: 0, drifted: 0 })
  assert.deepEqual((await listTable(table.directory, 'tables/plant')).hidden, [])
})

test('of large rows a job takes as many as fit in memory, and says how many', async (t) => {
  const payload = Buffer.alloc(500_000, 'x')
  const table = await plant(t, rowsFrom(0, 200, { payload }))

  const { to, rows, payloadBytes } = await table.convert(0, 200)

  assert.deepEqual({ to, rows, payloadBytes }, { to: 100, rows: 100, payloadBytes: 50_000_000 })
})

test('a later file gets the columns that are new, and types only get wider', async (t) => {
  const table = await plant(t, [
    ...rowsFrom(0, 5),
    ...rowsFrom(5, 5, { payload: '{"n":1.5,"name":7,"more":true}' }),
    ...rowsFrom(10, 5, { payload: '{"n":3}' }),
  ])

  for (const from of [0, 5, 10]) await table.convert(from, from + 5)

  const { columns } = await table.catalogue()
  assert.deepEqual(
    columns.map(({ name, type }) => [name, type]),
    [
      ['n', 'DOUBLE'],
      ['name', 'VARCHAR'],
      ['more', 'BOOLEAN'],
    ],
  )
  const rows = await readTable(table, 'n, name, more')
  assert.deepEqual(
    [rows[0], rows[5], rows[10]],
    [
      { n: 0, name: 'd0', more: null },
      { n: 1.5, name: '7', more: true },
      { n: 3, name: null, more: null },
    ],
  )
})

test('a lost or damaged catalogue is rebuilt from the files', async (t) => {
  const table = await plant(t, [
    ...rowsFrom(0, 5),
    ...rowsFrom(5, 5, { payload: '{"n":"x","a":{"b":2.5}}' }),
  ])
  await table.convert(0, 5)
  await table.convert(5, 10)
  const before = await table.catalogue()
  const path = join(table.root, '_schema.json')

  for (const damage of [() => rm(path), () => writeFile(path, '{"version":1,"columns":[{}]}')]) {
    await damage()
    await openCatalogue(table.connection, table.directory, 'tables/plant')

    const after = await table.catalogue()
    assert.deepEqual(after.columns, before.columns)
    assert.deepEqual(after.files, before.files)
  }
})

test('compaction makes one file of several, and reads fields with the columns of today', async (t) => {
  const table = await plant(t, [
    ...rowsFrom(0, 5, { payload: '{"n":1}' }),
    ...rowsFrom(5, 5, { payload: '{"n":1}' }),
    ...rowsFrom(10, 10, { payload: '{"n":2.5,"late":"x"}' }),
    ...rowsFrom(20, 1, { payload: '{"n":1,"late":"y"}' }),
  ])
  for (const [from, to] of [
    [0, 9],
    [9, 11],
    [11, 21],
  ]) {
    await table.convert(from!, to!)
  }
  assert.deepEqual(driftOf(await table.catalogue()).get('n'), undefined)
  const paths = (await table.files()).map(({ path }) => path)

  const result = await table.compact(paths)

  const { files, superseded } = await listTable(table.directory, 'tables/plant')
  assert.deepEqual([result.rows, result.files], [21, 1])
  assert.deepEqual(
    files.map(({ first, end }) => [first, end]),
    [[0, 21]],
  )
  assert.deepEqual(
    superseded.map(({ file }) => file.path),
    paths,
  )
  const rows = await readTable(table, '"offset", n, late')
  assert.deepEqual(
    rows.map(({ offset }) => offset),
    Array.from({ length: 21 }, (_, at) => BigInt(at)),
  )
  assert.deepEqual(rows[10], { offset: 10n, n: 2.5, late: 'x' })
})

test('compaction refuses files that are not of one day and one log', async (t) => {
  const table = await plant(t, [...rowsFrom(0, 5), ...rowsFrom(5, 5, { time: NOON + DAY_MS })])
  await table.convert(0, 10)
  const paths = (await table.files()).map(({ path }) => path)

  await assert.rejects(table.compact(paths), RangeError)
  await assert.rejects(table.compact(['../../journal/1.jnl']), RangeError)
})

test('a file that was left half written is replaced', async (t) => {
  const table = await plant(t, rowsFrom(0, 5))
  await table.convert(0, 5)
  const [file] = await table.files()
  const [day = ''] = file!.path.split('/')
  const name = file!.path.split('/')[1]!
  const whole = await readFile(join(table.root, file!.path))
  await rm(join(table.root, file!.path))
  await writeFile(join(table.root, day, `.${name}`), whole.subarray(0, 100))
  await chmod(join(table.root, day, `.${name}`), 0o400)

  await table.convert(0, 5)

  assert.deepEqual(await readdir(join(table.root, day)), [name])
  assert.deepEqual(coverageOf(await table.files(), LOG), { end: 5, gaps: [] })
})

test('names with patterns in the path of the directory are names', async (t) => {
  const table = await plant(t, rowsFrom(0, 3))
  const odd = join(table.directory, "it's [a] *?")

  const result = await convert(table.connection, {
    directory: odd,
    channel: 'plant',
    connectorId: 'c1',
    logId: LOG,
    from: 0,
    to: 3,
  })

  assert.equal(result.rows, 3)
})

test('a day that is over becomes one file, by bytes; small files of today wait for more', () => {
  const file = (day: string, first: number, bytes: number, logId = LOG) => ({
    day,
    logId,
    first,
    end: first + 10,
    path: `${day} ${first}`,
    bytes,
    modifiedAt: 0,
  })
  const planned = (files: ReturnType<typeof file>[], now = NOON) =>
    planCompaction(files, now, { maxBytes: 100 })?.map(({ first }) => first)

  assert.equal(planned([]), undefined)
  assert.equal(planned([file('2026-11-28', 0, 10)]), undefined)
  assert.deepEqual(planned([file('2026-11-28', 0, 10), file('2026-11-28', 10, 10)]), [0, 10])
  assert.equal(
    planned([file('2026-11-28', 0, 10), file('2026-11-28', 10, 10)], NOON - DAY_MS / 2),
    undefined,
  )
  assert.deepEqual(
    planned([60, 60, 30, 10, 5].map((bytes, at) => file('2026-11-28', at * 10, bytes))),
    [10, 20, 30],
  )
  assert.equal(
    planned([file('2026-11-28', 0, 10), file('2026-11-28', 10, 10, 'ffffffff')]),
    undefined,
  )
  const today = Array.from({ length: 16 }, (_, at) => file('2026-11-29', at * 10, 1))
  assert.equal(planned(today.slice(1)), undefined)
  assert.equal(planned(today)?.length, 16)
})
