import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { quotedName } from '../../../../src/analytics/duckdb/sql-text.ts'
import type { ColumnType, FieldColumn } from '../../../../src/analytics/tables/columns.ts'
import { mergeColumns } from '../../../../src/analytics/tables/columns.ts'
import { FieldSampling } from '../../../../src/analytics/tables/field-sampling.ts'
import { typedRows } from '../../../../src/analytics/tables/typed-columns.ts'
import { duckdb, rowsOf } from '../../../support/analytics/duckdb.ts'

type Payload = string | Uint8Array

function column(name: string, type: ColumnType, ...path: string[]): FieldColumn {
  return { name, type, path: path.length === 0 ? [name] : path }
}

/** The fields and the drift of each payload, with the columns given. */
async function typed(t: TestContext, columns: readonly FieldColumn[], payloads: Payload[]) {
  const connection = await duckdb(t)
  const values = payloads.map((payload, offset) => {
    const hex = Buffer.from(payload).toString('hex')
    return `(${offset}::BIGINT, unhex('${hex}'))`
  })
  const empty = ['message_id', 'topic', 'sender_id', 'response_topic'].map(
    (name) => `NULL::VARCHAR AS ${name}`,
  )
  await connection.run(`CREATE TABLE stored AS
    SELECT "offset", TIMESTAMP '2026-11-29' AS arrival_time, ${empty.join(', ')},
      NULL::BLOB AS correlation_data, payload
    FROM (VALUES ${values.join(', ')}) AS rows ("offset", payload)`)
  const names = [...columns.map(({ name }) => quotedName(name)), 'drift']
  const sql = `SELECT ${names.join(', ')} FROM (${typedRows(columns, 'stored')}) ORDER BY "offset"`
  return rowsOf(connection, sql)
}

/** The columns found in the payloads. */
function sampled(...payloads: readonly Payload[]): FieldColumn[] {
  const sampling = new FieldSampling()
  for (const payload of payloads) sampling.add(Buffer.from(payload))
  return mergeColumns([], sampling.fields())
}

test('numbers, booleans, strings and members of objects become columns of their type', async (t) => {
  const payload = '{"temp":21.5,"count":3,"ok":true,"state":"run","phase":{"l1":230.1,"n":2}}'

  const columns = sampled(payload)

  assert.deepEqual(
    columns.map(({ name, type }) => [name, type]),
    [
      ['temp', 'DOUBLE'],
      ['count', 'BIGINT'],
      ['ok', 'BOOLEAN'],
      ['state', 'VARCHAR'],
      ['phase_l1', 'DOUBLE'],
      ['phase_n', 'BIGINT'],
    ],
  )
  assert.deepEqual(await typed(t, columns, [payload]), [
    { temp: 21.5, count: 3n, ok: true, state: 'run', phase_l1: 230.1, phase_n: 2n, drift: null },
  ])
})

test('arrays and objects in objects are text', async (t) => {
  const payload = '{"list":[1, 2],"a":{"b":{"c":1},"d":[]}}'

  const columns = sampled(payload)

  assert.deepEqual(await typed(t, columns, [payload]), [
    { list: '[1,2]', a_b: '{"c":1}', a_d: '[]', drift: null },
  ])
})

test('a value of another type is NULL, and drift names its column', async (t) => {
  const columns = [column('n', 'BIGINT'), column('d', 'DOUBLE'), column('b', 'BOOLEAN')]

  const rows = await typed(t, columns, [
    '{"n":1.7,"d":"12.5","b":1}',
    '{"n":"1","d":true,"b":"true"}',
    '{"n":9007199254740993,"d":1e400,"b":[true]}',
    '{"n":NaN,"d":-Infinity,"b":{}}',
    '{"n":7.0,"d":-5,"b":false}',
    '{"n":null,"d":null,"b":null}',
  ])

  const nothing = { n: null, d: null, b: null }
  assert.deepEqual(rows, [
    { ...nothing, drift: 'n,d,b' },
    { ...nothing, drift: 'n,d,b' },
    { ...nothing, drift: 'n,d,b' },
    { ...nothing, drift: 'n,d,b' },
    { n: 7n, d: -5, b: false, drift: null },
    { ...nothing, drift: null },
  ])
})

test('integers beyond 2^53 are text with all their digits', async (t) => {
  const payload = '{"id":9007199254740993,"ns":1790000000123456789,"mol":6.02e23}'

  const columns = sampled(payload)

  assert.deepEqual(await typed(t, columns, [payload, '{"id":123456789012345678901234567890}']), [
    { id: '9007199254740993', ns: '1790000000123456789', mol: 6.02e23, drift: null },
    { id: '123456789012345678901234567890', ns: null, mol: null, drift: null },
  ])
})

test('text takes every value: a string as it is, others as JSON', async (t) => {
  const rows = await typed(
    t,
    [column('s', 'VARCHAR')],
    ['{"s":"a\\"b\\u00e9"}', '{"s":12}', '{"s":true}', '{"s":{"x":"y"}}', '{"s":null}'],
  )

  assert.deepEqual(
    rows.map(({ s }) => s),
    ['a"bé', '12', 'true', '{"x":"y"}', null],
  )
})

test('payloads that are no JSON objects have no fields and stop nothing', async (t) => {
  const rows = await typed(
    t,
    [column('n', 'BIGINT')],
    ['', 'not json', '5', '[{"n":1}]', '"n"', 'NaN', new Uint8Array([0xff, 0x7b]), '{"n":1}', '{'],
  )

  assert.deepEqual(
    rows.map(({ n }) => n),
    [null, null, null, null, null, null, null, 1n, null],
  )
  assert.ok(rows.every(({ drift }) => drift === null))
})

test('a deeply nested payload is read like any other', async (t) => {
  const deep = `{"n":1,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`

  const rows = await typed(t, [column('n', 'BIGINT'), column('x_y', 'BIGINT', 'x', 'y')], [deep])

  assert.equal(rows.length, 1)
})

test('keys that differ only in case may have different types', async (t) => {
  const payload = '{"A":"x","a":1.5,"phase":{"L1":"y","l1":2},"Phase":true}'
  const columns = [
    column('A', 'VARCHAR'),
    column('a_2', 'DOUBLE', 'a'),
    column('phase_L1', 'VARCHAR', 'phase', 'L1'),
    column('phase_l1_2', 'BIGINT', 'phase', 'l1'),
    column('Phase', 'BOOLEAN'),
  ]

  const rows = await typed(t, columns, [payload, '{"a":"z"}'])

  const nothing = { A: null, a_2: null, phase_L1: null, phase_l1_2: null, Phase: null }
  assert.deepEqual(rows, [
    { A: 'x', a_2: 1.5, phase_L1: 'y', phase_l1_2: 2n, Phase: true, drift: null },
    { ...nothing, drift: 'a_2' },
  ])
})

test('names that differ only in case, or that rows have already, get names of their own', async (t) => {
  const payload =
    '{"Temp":1,"temp":2,"topic":"t","offset":3,"drift":4,"a b":5,"a_b":6,"":7,"-":7,"x":{"y":8},"x_y":9,"é":10}'

  const columns = sampled(payload)

  assert.deepEqual(
    columns.map(({ name }) => name),
    [
      'Temp',
      'temp_2',
      'payload_topic',
      'payload_offset',
      'payload_drift',
      'a_b',
      'a_b_2',
      '_',
      'x_y',
      'x_y_2',
      'é',
    ],
  )
  const [row] = await typed(t, columns, [payload])
  assert.deepEqual(Object.values(row ?? {}), [1n, 2n, 't', 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, null])
})

test('keys with quotes, dots, slashes and names of JavaScript’s own are fields', async (t) => {
  const payload = '{"a\\"b":1,"c.d":2,"e/f":3,"g\'h":4,"__proto__":5,"constructor":6,"$":{"*":7}}'

  const columns = sampled(payload)
  const [row] = await typed(t, columns, [payload])

  assert.deepEqual(Object.values(row ?? {}), [1n, 2n, 3n, 4n, 5n, 6n, 7n, null])
})

test('the type of a field is what most of its values have', () => {
  const [field] = sampled(...Array(9).fill('{"a":1}'), '{"a":"1"}')

  assert.equal(field?.type, 'BIGINT')
  assert.equal(sampled('{"a":1}', '{"a":2.5}', '{"a":3}')[0]?.type, 'DOUBLE')
  assert.deepEqual(
    sampled('{"a":{"b":1}}', '{"a":{"b":2}}', '{"a":5}').map(({ name }) => name),
    ['a_b'],
  )
  assert.deepEqual(
    sampled('{"a":5}', '{"a":6}', '{"a":{"b":1}}').map(({ name }) => name),
    ['a'],
  )
})

test('keys that DuckDB cannot read get no column', () => {
  const keys = ['"":1', '"\\ud800":2', `"${'x'.repeat(300)}":3`, '"n":{"":4,"\\udc00":5}', '"ok":6']

  assert.deepEqual(
    sampled(`{${keys.join(',')}}`).map(({ name }) => name),
    ['ok'],
  )
})

test('a key that hardly any message has gets no column', () => {
  const payloads = Array.from({ length: 2000 }, (_, index) => `{"id_${index}":1,"n":${index}}`)

  assert.deepEqual(
    sampled(...payloads).map(({ name }) => name),
    ['n'],
  )
})

test('a channel has at most 100 columns, those of the most frequent fields', () => {
  const wide = JSON.stringify(
    Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, 1])),
  )

  const columns = sampled(wide, '{"f299":1}')

  assert.equal(columns.length, 100)
  assert.equal(columns[0]?.name, 'f299')
})

test('a known column keeps its name and its place, and its type only gets wider', () => {
  const known = [column('n', 'BIGINT'), column('d', 'DOUBLE'), column('b', 'BOOLEAN')]

  const merged = mergeColumns(known, [
    { path: ['new'], type: 'BIGINT' },
    { path: ['b'], type: 'BIGINT' },
    { path: ['n'], type: 'DOUBLE' },
    { path: ['d'], type: 'BIGINT' },
    { path: ['d', 'inner'], type: 'BIGINT' },
  ])

  assert.deepEqual(
    merged.map(({ name, type }) => [name, type]),
    [
      ['n', 'DOUBLE'],
      ['d', 'DOUBLE'],
      ['b', 'VARCHAR'],
      ['new', 'BIGINT'],
    ],
  )
})
