/** The command `import`, on a data directory whose connector was stopped. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { datastoreDefinition } from '../../src/analytics/resources/datastore-definition.ts'
import { ResourceStore } from '../../src/analytics/resources/resource-store.ts'
import { listTable } from '../../src/analytics/tables/table-listing.ts'
import { writeArchive, writeExport, written } from '../support/analytics/import-files.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { RunningCommand, runCommand } from '../support/processes/command-line.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const skip = WITHOUT_DUCKDB
const NOON = Date.UTC(2026, 9, 15, 12)

async function rigOf(t: TestContext) {
  const data = await temporaryDirectory(t)
  const files = join(await temporaryDirectory(t), 'archive')
  mkdirSync(join(data, 'channels'))
  const run = (...args: string[]) => runCommand(t, [...args, '--data', data])
  return { data, files, run }
}

test('archives and exports are imported, and queries find their rows', { skip }, async (t) => {
  const { files, run, data } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: NOON, lines: ['{"temp":20.5}', '{"temp":21}'] })
  writeExport(files, 'measured', '"temp","__dt"\n"1.5","2026-10-15 00:00:00.000"\n')

  const dry = await run('import', files, '--dry-run')
  const first = await run('import', files)
  const again = await run('import', files, '--json')
  const datastore = await run('query', 'from datastores.measured', '--format', 'jsonl')
  const asked = await run(
    'query',
    'select sum(temp) as sum, min(arrival_time) from press',
    '--format',
    'jsonl',
  )

  assert.match(dry.stdout, /^datastore measured: 1 file, 0\.0 MB$/m)
  assert.match(dry.stdout, /^channel press: 1 file, 0\.0 MB, 2026-10-15 to 2026-10-15$/m)
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /^channel press: 2 rows from 1 file, 0\.0 MB in 1 Parquet file$/m)
  assert.match(first.stdout, /^datastore measured: 1 row from 1 file/m)
  assert.deepEqual(
    JSON.parse(again.stdout).tables.map(({ rows, known }: Record<string, number>) => [rows, known]),
    [
      [0, 1],
      [0, 1],
    ],
  )
  assert.deepEqual(JSON.parse(asked.stdout), {
    sum: 41.5,
    'min(arrival_time)': '2026-10-15T12:00:00.000',
  })
  assert.match(first.stderr, /the datastore measured is defined now, with the defaults/)
  assert.deepEqual(JSON.parse(datastore.stdout), { temp: 1.5, __dt: '2026-10-15' })
  assert.ok(!readdirSync(data).includes('imports'), 'temporary files are removed')
})

test('a damaged file is named, and the exit code says so', { skip }, async (t) => {
  const { files, run } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: NOON, lines: ['{"temp":20.5}'] })
  const damaged = written(
    join(files, 'channel', 'press', '__dt=2026-10-15', 'x.json.gz'),
    'no gzip',
  )
  const elsewhere = written(join(files, 'channel', 'my press', '__dt=2026-10-15', 'y.json.gz'), 'y')

  const { code, stdout } = await run('import', files)

  assert.equal(code, 1)
  assert.match(stdout, /^channel press: 1 row from 1 file/m)
  assert.match(stdout, /^not imported: 2 files$/m)
  assert.ok(stdout.includes(`  ${damaged}: the gzip is damaged: incorrect header check\n`), stdout)
  assert.ok(stdout.includes(`  ${elsewhere}: expected it in channel/NAME/__dt=…/`), stdout)
})

test('while a connector uses the directory, nothing is imported', { skip }, async (t) => {
  const { data, files, run } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: NOON, lines: ['{"temp":20.5}'] })
  await startConnector(t, { storage: { directory: data } })

  const { code, stderr, stdout } = await run('import', files)

  assert.equal(code, 1)
  assert.match(stderr, /process \d+ on \S+ uses it\. Stop the connector first/)
  assert.equal(stdout, '')
})

test('days that the retention would remove at once are refused, unless they are wanted all the same', {
  skip,
}, async (t) => {
  const { data, files } = await rigOf(t)
  writeArchive(files, { channel: 'press', at: Date.UTC(2020, 9, 15), lines: ['{"temp":20.5}'] })
  const config = join(data, 'c.yaml')
  writeFileSync(
    config,
    `analytics: { tables: { retention: 30d } }\nstorage: { directory: ${data} }\n`,
  )
  const run = (...flags: string[]) => runCommand(t, ['import', files, '--config', config, ...flags])

  const refused = await run()
  const wanted = await run('--ignore-retention')

  assert.equal(refused.code, 2)
  assert.match(
    refused.stderr,
    /analytics\.tables\.retention is 30d, so the connector would remove 1 day \(from 2020-10-15\) as soon as it runs\. Raise it to \d{4}d or more/,
  )
  assert.equal(wanted.code, 0, wanted.stderr)
})

test('all files can go into one channel or datastore, on a day that is given', {
  skip,
}, async (t) => {
  const { files, run } = await rigOf(t)
  const csv = written(join(files, 'old.csv'), '"n"\n"1"\n')

  const without = await run('import', csv)
  const given = await run('import', csv, '--into', 'datastores.measured', '--day', '2026-10-15')
  const wrong = await run('import', csv, '--into', 'measured')

  assert.equal(without.code, 1)
  assert.equal(given.code, 0, given.stdout)
  assert.match(given.stdout, /^datastore measured: 1 row from 1 file/)
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /Expected channels\.NAME or datastores\.NAME/)
})

test('Ctrl-C stops the import, leaves nothing temporary, and the same command goes on', {
  skip,
}, async (t) => {
  const { data, files, run } = await rigOf(t)
  const lines = Array.from({ length: 5_000 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(50) }))
  const days = 80
  for (let day = 0; day < days; day++) {
    writeArchive(files, { channel: 'press', at: NOON - day * 86_400_000, lines })
  }
  const running = new RunningCommand(t, ['import', files, '--data', data])
  await until('the first file is there', async () => {
    return (await listTable(data, 'tables/press')).files.length > 0
  })

  running.child.kill('SIGINT')
  const { code, stderr } = await running.ends()
  const rest = await run('import', files, '--json')

  assert.equal(code, 1)
  assert.match(
    stderr,
    /SIGINT: the import was stopped; what is imported stays, and the same command goes on/,
  )
  assert.equal(rest.code, 0, rest.stderr)
  const [{ imported, known }] = JSON.parse(rest.stdout).tables
  assert.equal(imported + known, days)
  assert.ok(known > 0)
  const counted = await run('query', 'select count(*) as rows from press', '--format', 'jsonl')
  assert.deepEqual(JSON.parse(counted.stdout), { rows: days * 5_000 })
  assert.ok(!readdirSync(data).includes('imports'))
})

test('an export has the types that its datastore declares, and text stays as it is', {
  skip,
}, async (t) => {
  const { data, files, run } = await rigOf(t)
  const resources = new ResourceStore({ directory: data, now: () => NOON, onDamage: assert.fail })
  await resources.open()
  const types = {
    serial: 'string',
    code: 'varchar(40)',
    price: 'decimal(20,2)',
    id: 'bigint',
    load: 'double',
    ok: 'boolean',
    seen: 'timestamp',
    born: 'date',
    tags: 'array<string>',
    place: 'struct<hall:int,row:string>',
  }
  const columns = Object.entries(types).map(([name, type]) => ({ name, type }))
  const definition = datastoreDefinition.parse({
    fileFormatConfiguration: { parquetConfiguration: { schemaDefinition: { columns } } },
  })
  await resources.change(() => resources.datastores.put('measured', { definition }))
  const lines = [
    [...Object.keys(types), 'more', '__dt'],
    ['21.50', '12345678901234567890', '12.50', '9007199254740993', '-1e3', 'true']
      .concat(['2020-10-15 10:00:00.000', '2020-10-15', '["a","b"]', '{"hall":3,"row":"x"}'])
      .concat(['1', '2020-10-15']),
    ['true', '1e5', 'much', '1.5', 'NaN', 'yes', 'soon', 'today', '[a, b]', '{hall=3}', '2'].concat(
      ['2020-10-15'],
    ),
  ]
  const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`
  writeExport(files, 'measured', lines.map((line) => `${line.map(quoted).join(',')}\n`).join(''))

  const imported = await run('import', files)
  const asked = await run(
    'query',
    'select * exclude (__dt, id, price), id::text as id, price::text as price from datastores.measured order by id',
    '--format',
    'jsonl',
  )
  const described = await run(
    'query',
    'select column_name, column_type from (describe datastores.measured)',
    '--format',
    'jsonl',
  )

  assert.equal(imported.code, 0, imported.stderr)
  const rows = asked.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(rows, [
    {
      serial: '21.50',
      code: '12345678901234567890',
      price: '12.50',
      id: '9007199254740993',
      load: -1000,
      ok: true,
      seen: '2020-10-15T10:00:00.000',
      born: '2020-10-15',
      tags: ['a', 'b'],
      place: { hall: 3, row: 'x' },
    },
    {
      serial: 'true',
      code: '1e5',
      price: null,
      id: null,
      load: null,
      ok: null,
      seen: null,
      born: null,
      tags: null,
      place: null,
    },
  ])
  const found = described.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    Object.fromEntries(found.map((column) => [column.column_name, column.column_type])),
    {
      serial: 'VARCHAR',
      code: 'VARCHAR',
      price: 'DECIMAL(20,2)',
      id: 'BIGINT',
      load: 'DOUBLE',
      ok: 'BOOLEAN',
      seen: 'TIMESTAMP',
      born: 'DATE',
      tags: 'VARCHAR[]',
      place: 'STRUCT(hall INTEGER, "row" VARCHAR)',
      __dt: 'DATE',
    },
  )
})
