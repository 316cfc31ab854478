/** Files become rows of tables, once. */
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { batchesOf } from '../../../../src/analytics/imports/batches.ts'
import { findSources } from '../../../../src/analytics/imports/find-sources.ts'
import { type BatchResult, importBatch } from '../../../../src/analytics/imports/import-batch.ts'
import type { SourceRules } from '../../../../src/analytics/imports/source-file.ts'
import { readCatalogue, writeCatalogue } from '../../../../src/analytics/tables/catalogue.ts'
import { parquetSource } from '../../../../src/analytics/tables/jobs/parquet-file.ts'
import { rebuildCatalogue } from '../../../../src/analytics/tables/jobs/rebuild.ts'
import { withSession } from '../../../../src/analytics/tables/jobs/session.ts'
import { readTable } from '../../../../src/analytics/tables/table.ts'
import {
  type TableLocation,
  tableDirectory,
} from '../../../../src/analytics/tables/table-location.ts'
import { duckdb, rowsOf } from '../../../support/analytics/duckdb.ts'
import { writeArchive, writeExport, written } from '../../../support/analytics/import-files.ts'
import { WITHOUT_DUCKDB } from '../../../support/analytics/opened-instance.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'

const skip = WITHOUT_DUCKDB
const NOON = Date.UTC(2020, 9, 15, 12)
const DAY_MS = 86_400_000
const { signal } = new AbortController()

interface Rig {
  readonly directory: string
  /** Where files to import are. */
  readonly files: string
  readonly importAll: (rules?: Partial<SourceRules>, limit?: number) => Promise<BatchResult[]>
  readonly rows: (table: TableLocation, columns: string) => Promise<Record<string, unknown>[]>
}

async function rigOf(t: TestContext): Promise<Rig> {
  const directory = await temporaryDirectory(t)
  const files = join(directory, 'files')
  mkdirSync(files)
  const connection = await duckdb(t)
  return {
    directory,
    files,
    async importAll(rules = {}, maxInflatedBytes = undefined) {
      const found = await findSources([files], { into: undefined, day: undefined, ...rules })
      const results: BatchResult[] = []
      for (const batch of batchesOf(found.sources)) {
        const request = {
          ...batch,
          directory,
          temporaryDirectory: join(directory, 'temporary'),
          connectorId: 'c1',
          maxInflatedBytes,
        }
        results.push(await withSession(signal, (one) => importBatch(one, request, async () => {})))
      }
      return results
    },
    async rows(table, columns) {
      const found = await readTable(directory, table)
      if (found.files.length === 0) return []
      const paths = found.files.map(({ path }) => join(tableDirectory(directory, table), path))
      const source = parquetSource(paths).replace(')', ', union_by_name = true)')
      return rowsOf(connection, `SELECT ${columns} FROM ${source} ORDER BY ALL`)
    },
  }
}

function messages(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => JSON.stringify({ n: from + at, name: 'd' }))
}

test('archives of a day become one Parquet file with typed columns, and keep their bytes', {
  skip,
}, async (t) => {
  const { files, importAll, rows, directory } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: NOON, lines: messages(0, 3) })
  writeArchive(files, { channel: 'press', at: NOON + 30_000, lines: ['{"n": 3.5}', 'no JSON'] })
  writeArchive(files, { channel: 'press', at: NOON + DAY_MS, lines: messages(4, 5) })

  const results = await importAll()

  assert.equal(results.length, 2)
  assert.deepEqual(
    results.map(({ rows, files, notJson, imported }) => ({ rows, files, notJson, imported })),
    [
      { rows: 5, files: 1, notJson: 1, imported: 2 },
      { rows: 1, files: 1, notJson: 0, imported: 1 },
    ],
  )
  const found = await rows(
    'tables/press',
    '"offset", epoch_ms(arrival_time) AS at, decode(payload) AS payload, n, topic',
  )
  assert.deepEqual(
    found.map((row) => [Number(row['at']) - NOON, row['payload'], row['n']]),
    [
      [0, '{"n":0,"name":"d"}', 0],
      [DAY_MS, '{"n":4,"name":"d"}', 4],
      [0, '{"n":1,"name":"d"}', 1],
      [0, '{"n":2,"name":"d"}', 2],
      [30_000, '{"n": 3.5}', 3.5],
      [30_000, 'no JSON', null],
    ],
  )
  const { files: listed } = await readTable(directory, 'tables/press')
  assert.deepEqual(listed.map(({ day }) => day).sort(), ['2020-10-15', '2020-10-16'])
})

test('importing again adds nothing, and later files of the same day add their own rows alone', {
  skip,
}, async (t) => {
  const { files, importAll, rows } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: NOON, lines: messages(0, 3) })
  await importAll()

  const [again] = await importAll()
  writeArchive(files, { channel: 'press', at: NOON - 30_000, lines: messages(3, 5) })
  // The same messages in another file are other messages.
  writeArchive(files, { channel: 'press', at: NOON, lines: messages(0, 3), shard: 1 })
  const [later] = await importAll()
  // The same file in another directory is the same.
  const { name, content } = { name: 'x/press', content: messages(0, 3) }
  writeArchive(join(files, name), { channel: 'press', at: NOON, lines: content })
  const [moved] = await importAll()

  assert.deepEqual([again?.rows, again?.known, again?.files], [0, 1, 0])
  assert.deepEqual([later?.rows, later?.known, later?.imported], [5, 1, 2])
  assert.deepEqual([moved?.rows, moved?.known], [0, 4])
  assert.equal((await rows('tables/press', 'n')).length, 8)
})

test('what was imported is also known after the catalogue was lost', { skip }, async (t) => {
  const { files, importAll, rows, directory } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: NOON, lines: messages(0, 3) })
  await importAll()
  written(join(tableDirectory(directory, 'tables/press'), '_schema.json'), 'damaged')

  await withSession(signal, (one) => rebuildCatalogue(one, directory, 'tables/press'))
  const [again] = await importAll()

  assert.equal(again?.known, 1)
  assert.equal((await rows('tables/press', 'n')).length, 3)
})

test('damaged files are left out as a whole, with the reason, and the others are imported', {
  skip,
}, async (t) => {
  const { files, importAll, rows } = await rigOf(t)
  const lines = messages(0, 200)
  const whole = gzipSync(lines.join('\n'))
  const folder = join(files, 'channel', 'press', '__dt=2020-10-15')
  written(join(folder, 'a.json.gz'), whole.subarray(0, whole.length - 10))
  written(join(folder, 'b.json.gz'), 'no gzip at all')
  const flipped = Buffer.from(whole)
  flipped[20] = (flipped[20] ?? 0) ^ 0xff
  written(join(folder, 'c.json.gz'), flipped)
  written(join(folder, 'd.json.gz'), whole)
  written(join(folder, 'e.json.gz'), Buffer.concat([gzipSync('{"n":1}\n'), gzipSync('{"n":2}\n')]))
  written(join(folder, 'f.json.gz'), '')
  symlinkSync('/etc/passwd', join(folder, 'g.json.gz'))

  const [result] = await importAll()

  assert.deepEqual(
    result?.damaged.map(
      ({ path, reason }) => `${path.slice(-9)}: ${reason.replace(/damaged: .*/, 'damaged')}`,
    ),
    ['a.json.gz', 'b.json.gz', 'c.json.gz', 'f.json.gz'].map(
      (name) => `${name}: the gzip is damaged`,
    ),
  )
  assert.equal(result?.rows, 202)
  assert.equal((await rows('tables/press', '"offset"')).length, 202)
})

test('a file that grows without bound, and lines that are too long, end at their limits', {
  skip,
}, async (t) => {
  const { files, importAll, rows } = await rigOf(t)
  const folder = join(files, 'channel', 'press', '__dt=2020-10-15')
  written(join(folder, 'bomb.json.gz'), gzipSync(Buffer.alloc(8_000_000, '{}\n')))
  written(join(folder, 'long.json.gz'), gzipSync(`{"n":1}\n"${'x'.repeat(1_500_000)}"\n{"n":2}\n`))

  const [result] = await importAll({}, 4_000_000)

  assert.match(result?.damaged[0]?.reason ?? '', /more than 4000000 bytes of messages/)
  assert.equal(result?.tooLong, 1)
  assert.deepEqual(await rows('tables/press', 'n'), [{ n: 1n }, { n: 2n }])
})

const CSV = `"device","temp","ok","serial","id","note","__dt","__partition_device"
"d1","21.50","true","0012","12345678901234567890","",2020-10-15 00:00:00.000,"d1"
"d2","-3","false","7","12345678901234567891",,"2020-10-16 00:00:00.000","d2"
"d3","NaN","true","0013","12345678901234567892","say ""hi"", twice","2020-10-15","d3"
`

test('an export becomes rows of its datastore, one file a day, with types by what the values are', {
  skip,
}, async (t) => {
  const { files, importAll, rows, directory } = await rigOf(t)
  writeExport(files, 'measured', CSV)

  const [first] = await importAll()
  const [again] = await importAll()

  assert.deepEqual([first?.rows, first?.files, first?.imported], [3, 2, 1])
  assert.deepEqual([again?.rows, again?.known], [0, 1])
  const table = 'datastores/measured/__import'
  const found = await rows(table, 'device, temp, ok, serial, id, note, part')
  assert.deepEqual(found, [
    {
      device: 'd1',
      temp: 21.5,
      ok: true,
      serial: '0012',
      id: '12345678901234567890',
      note: '',
      part: 0,
    },
    {
      device: 'd2',
      temp: -3,
      ok: false,
      serial: '7',
      id: '12345678901234567891',
      note: null,
      part: 0,
    },
    {
      device: 'd3',
      temp: null,
      ok: true,
      serial: '0013',
      id: '12345678901234567892',
      note: 'say "hi", twice',
      part: 0,
    },
  ])
  const { files: listed, catalogue } = await readTable(directory, table)
  assert.deepEqual(listed.map(({ day }) => day).sort(), ['2020-10-15', '2020-10-16'])
  assert.equal(catalogue.columns.find(({ name }) => name === 'id')?.type, 'VARCHAR')
})

test('an export with a wrong line is left out as a whole, with the line', { skip }, async (t) => {
  const { files, importAll, rows } = await rigOf(t)
  writeExport(files, 'a', `${CSV}"d4","1"\n`)
  writeExport(files, 'b', '"device"\n"d1"\n')
  writeExport(files, 'c', '"device","__dt"\n"d1","2020-10-15"\n"d2","yesterday"\n')
  writeExport(files, 'd', '"x","x","__dt"\n1,2,2020-10-15\n')
  written(
    join(files, 'e', 't', 'v.csv'),
    Buffer.from('"x","__dt"\n"\xff","2020-10-15"\n', 'latin1'),
  )
  writeExport(files, 'f', '')

  const results = await importAll()

  assert.deepEqual(
    results.map(({ damaged }) => damaged[0]?.reason),
    [
      'line 5: expected 8 fields, got 2',
      'line 1: expected the column __dt, or --day',
      'line 3: __dt: expected a day such as 2020-10-15',
      'line 1: expected a name for each column, each of them once',
      'expected UTF-8',
      'expected a line with names of columns',
    ],
  )
  assert.deepEqual(await rows('datastores/c/__import', '*'), [])
})

test('a day that had expired is read again once it was imported', { skip }, async (t) => {
  const { files, importAll, rows, directory } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: NOON + DAY_MS, lines: messages(0, 1) })
  await importAll()
  const catalogue = await readCatalogue(directory, 'tables/press')
  assert.ok(catalogue !== undefined && catalogue !== 'damaged')
  await writeCatalogue(directory, 'tables/press', { ...catalogue, keptFrom: '2020-10-16' })

  writeArchive(files, { channel: 'press', at: NOON, lines: messages(1, 2) })
  await importAll()

  assert.equal((await rows('tables/press', 'n')).length, 2)
})
