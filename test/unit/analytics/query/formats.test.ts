/** Results as CSV, JSON lines and tables, with values as DuckDB gives them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ResultRow, RowFormat } from '../../../../src/analytics/query/formats/row-format.ts'
import { openedInstance, WITHOUT_DUCKDB } from '../../../support/analytics/opened-instance.ts'

const skip = WITHOUT_DUCKDB
/** They import DuckDB. */
const [{ Csv }, { JsonLines }, { Table }, { columnsOf }] = skip
  ? ([] as never)
  : await Promise.all([
      import('../../../../src/analytics/query/formats/csv.ts'),
      import('../../../../src/analytics/query/formats/json-lines.ts'),
      import('../../../../src/analytics/query/formats/table.ts'),
      import('../../../../src/analytics/query/result-columns.ts'),
    ])

/** The result of a query; `parts` says after how many rows a new part begins. */
async function written(
  t: TestContext,
  format: RowFormat,
  sql: string,
  parts: readonly number[] = [],
): Promise<string> {
  const { connection } = await openedInstance(t)
  const result = await connection.run(sql)
  const rows: ResultRow[] = await result.getRows()
  const bounds = [0, ...parts, rows.length]
  const heading = format.begin(columnsOf(result))
  const texts = bounds.slice(1).map((end, index) => format.rows(rows.slice(bounds[index], end)))
  return heading + texts.join('') + format.end()
}

const VALUES = `select
  9223372036854775807 as big, 12345678901234567890.12::decimal(30, 2) as exact, 0.1::double + 0.2::double as inexact,
  'nan'::double as nothing, timestamp '2026-01-31 12:00:00.123456' as micros,
  timestamp_ms '2026-01-31 12:00:00.5' as millis,
  timestamptz '2026-01-31 12:00:00+01' as moment, 'infinity'::timestamp as never,
  date '2026-01-31' as day, interval 90 minute as lapse, 'a\\xFF'::blob as bytes,
  [1, null] as list, {'a': [timestamp '2026-01-31 12:00:00'], 'b': 'x"'} as nested,
  map(['k'], ['\\x00'::blob]) as mapped, '{"a": 1.50}'::json as json, true as yes, null as empty`

test('JSON lines keep every digit and nest lists, structs, maps and JSON', { skip }, async (t) => {
  const line = await written(t, new JsonLines(), VALUES)

  assert.equal(
    line,
    '{"big":9223372036854775807,"exact":12345678901234567890.12,"inexact":0.30000000000000004,' +
      '"nothing":null,"micros":"2026-01-31T12:00:00.123456","millis":"2026-01-31T12:00:00.500",' +
      '"moment":"2026-01-31T11:00:00.000Z","never":"infinity","day":"2026-01-31",' +
      '"lapse":"01:30:00","bytes":"Yf8=","list":[1,null],' +
      '"nested":{"a":["2026-01-31T12:00:00.000"],"b":"x\\""},"mapped":{"k":"AA=="},' +
      '"json":{"a": 1.50},"yes":true,"empty":null}\n',
  )
})

test('JSON of several lines becomes one, and a name that comes twice is numbered', {
  skip,
}, async (t) => {
  const line = await written(t, new JsonLines(), `select '{\n"a":1}'::json as x, 2 as x`)

  assert.equal(line, '{"x":{"a":1},"x:1":2}\n')
})

test('CSV quotes what RFC 4180 says, and tells an empty text from none', { skip }, async (t) => {
  const csv = await written(
    t,
    new Csv(),
    `select 'a,b' as "x,y", 'say "hi"' as q, E'1\n2' as l, '' as e, null as n, [1, 2] as list, 1.50 as d`,
  )

  assert.equal(csv, '"x,y",q,l,e,n,list,d\r\n"a,b","say ""hi""","1\n2","",,"[1,2]",1.50\r\n')
})

test('a result without rows has a heading in CSV and in a table', { skip }, async (t) => {
  const sql = 'select 1 as a, 2 as b where false'

  assert.equal(await written(t, new Csv(), sql), 'a,b\r\n')
  assert.equal(await written(t, new JsonLines(), sql), '')
  assert.equal(await written(t, new Table(), sql), 'a  b\n─  ─\n')
})

test('a table aligns numbers to the right and shows text in binary values', { skip }, async (t) => {
  const table = await written(
    t,
    new Table(80),
    `from (values ('d-1', 21.5, 'ok'::blob), ('d-22', 7.25, null)) v(device, temp, note)`,
  )

  assert.equal(
    table,
    'device   temp  note\n──────  ─────  ────\nd-1     21.50  ok\nd-22     7.25  NULL\n',
  )
})

test('a table fits into the terminal: long values are cut, then columns hidden', {
  skip,
}, async (t) => {
  const sql = `select 'short' as a, repeat('x', 100) as b, 3 as c`

  const cut = await written(t, new Table(30), sql)
  const hidden = await written(t, new Table(16), sql)

  assert.equal(
    cut,
    `a      b${' '.repeat(21)}c\n─────  ${'─'.repeat(20)}  ─\nshort  ${'x'.repeat(19)}…  3\n`,
  )
  assert.equal(hidden, `a      b  (1 more)\n─────  ${'─'.repeat(9)}\nshort  xxxxxxxx…\n`)
})

test('later rows of a table have the widths of the first ones', { skip }, async (t) => {
  const sql = `from (values ('ab', 1), ('abcd', 2)) v(name, n) `

  const narrow = await written(t, new Table(40), sql, [1])

  assert.equal(narrow, 'name  n\n────  ─\nab    1\nabcd  2\n')
  const wide = await written(t, new Table(40), `from (values ('ab'), ('abcdef')) v(x)`, [1])
  assert.equal(wide, 'x\n──\nab\na…\n')
})

test('a value can’t steer the terminal', { skip }, async (t) => {
  const table = await written(t, new Table(80), `select E'\\x1b[2J' as x, E'a\nb' as y`)

  assert.equal(
    table,
    'x          y\n─────────  ────\n\\u001b[2J  a\\nb\n'.replace('\\u001b[2J   ', '\\u001b[2J   '),
  )
})
