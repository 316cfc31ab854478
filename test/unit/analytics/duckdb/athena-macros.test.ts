/** The functions of Athena and Presto, each with a value. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { athenaMacrosFor } from '../../../../src/analytics/duckdb/athena-macros.ts'
import { addAthenaFunctions } from '../../../../src/analytics/duckdb/instance.ts'
import { openedInstance, WITHOUT_DUCKDB } from '../../../support/analytics/opened-instance.ts'

const skip = WITHOUT_DUCKDB

/** An expression and its value as text. */
const VALUES: readonly (readonly [expression: string, text: string | null])[] = [
  ['from_unixtime(1600000000)', '2020-09-13 12:26:40'],
  ['from_unixtime(1600000000.123)', '2020-09-13 12:26:40.123'],
  ["from_unixtime(1600000000, 'Europe/Berlin')", '2020-09-13 14:26:40'],
  ["to_unixtime(timestamp '2020-09-13 12:26:40')", '1600000000.0'],
  ["date_format(timestamp '2020-09-03 14:06:05', '%Y-%m-%d %H:%i:%s')", '2020-09-03 14:06:05'],
  ["date_format(timestamp '2020-09-03 14:06:05', '%e %M %c %h %T')", '3 September 9 02 14:06:05'],
  ["date_parse('2020-09-13 12:26:40', '%Y-%m-%d %H:%i:%s')", '2020-09-13 12:26:40'],
  ["date_parse('2020-09-13T12:26:40Z', '%Y-%m-%dT%H:%i:%sZ')", '2020-09-13 12:26:40'],
  ["date_parse('2020-09-13', '%Y-%m-%d')", '2020-09-13 00:00:00'],
  ["date_add('day', -7, timestamp '2020-09-13 00:00:00')", '2020-09-06 00:00:00'],
  ["date_add('hour', 1, timestamp '2020-09-13 00:00:00')", '2020-09-13 01:00:00'],
  ["date_add('month', 1, timestamp '2020-01-31 00:00:00')", '2020-02-29 00:00:00'],
  ["date_add('quarter', 1, timestamp '2020-01-01 00:00:00')", '2020-04-01 00:00:00'],
  ["date_add(timestamp '2020-01-01 00:00:00', interval 1 day)", '2020-01-02 00:00:00'],
  ['(select approx_distinct(x) from (values (1), (1), (2)) v(x))', '2'],
  ['(select approx_distinct(x, 0.1) from (values (1)) v(x))', '1'],
  ['(select approx_percentile(x, 0.5) from (values (1.0::double), (2.0), (3.0)) v(x))', '2.0'],
  [`json_extract_scalar('{"a":{"b":"x"}}', '$.a.b')`, 'x'],
  [`json_extract_scalar('{"a":{"b":"x"}}', '$.a')`, null],
  [`json_parse('{"a":1}')`, '{"a":1}'],
  [`json_format(json_parse('[1,2]'))`, '[1,2]'],
  [`json_size('{"a":{"b":1,"c":2}}', '$.a')`, '2'],
  [`json_size('{"a":[1,2,3]}', '$.a')`, '3'],
  [`json_size('{"a":1}', '$.a')`, '0'],
  ["(select map_agg(k, v) from (values ('a', 1)) t(k, v))", '{a=1}'],
  ['element_at([10, 20], 2)', '20'],
  ["element_at(map(['a'], [1]), 'a')", '1'],
  ['cardinality([1, 2, 3])', '3'],
  ["cardinality(map_keys(map(['a'], [1])))", '1'],
  ["array_join([1, 2], '-')", '1-2'],
  ["regexp_like('sensor-12', '[0-9]+')", 'true'],
  ["to_iso8601(timestamp '2020-09-13 12:26:40.5')", '2020-09-13T12:26:40.500'],
  ["from_iso8601_timestamp('2020-09-13T14:26:40+02:00')", '2020-09-13 12:26:40+00'],
  ["from_iso8601_date('2020-09-13')", '2020-09-13'],
  ["day_of_week(date '2020-09-13')", '7'],
  ["day_of_month(date '2020-09-13')", '13'],
  ["day_of_year(date '2020-02-01')", '32'],
  ["last_day_of_month(date '2020-02-01')", '2020-02-29'],
  ['rand() between 0 and 1', 'true'],
  ['sequence(1, 3)', '[1, 2, 3]'],
  ['sequence(1, 5, 2)', '[1, 3, 5]'],
  ['truncate(-1.7)', '-1'],
  ["is_nan('nan'::double)", 'true'],
  ['(select geometric_mean(x) from (values (2.0), (8.0)) v(x))', '4.0'],
  ["to_utf8('a')", 'a'],
  ["from_utf8('a'::blob)", 'a'],
]

test('each function of Athena that DuckDB lacks gives its value', { skip }, async (t) => {
  const { connection } = await openedInstance(t)
  await addAthenaFunctions(connection, VALUES.map(([expression]) => expression).join(' '))

  for (const [expression, text] of VALUES) {
    const reader = await connection.runAndReadAll(`select cast(${expression} as varchar)`)

    assert.equal(reader.getRows()[0]?.[0], text, expression)
  }
})

test('a format or unit that is not known is named in the error', { skip }, async (t) => {
  const { connection } = await openedInstance(t)
  await addAthenaFunctions(connection, 'date_parse date_add')

  await assert.rejects(connection.run("select date_parse('1', '%j')"), /the format %j/)
  await assert.rejects(connection.run("select date_add('eon', 1, now())"), /the unit eon/)
})

test('a text gets the functions that it names, in any case and in quotes, and no others', () => {
  const created = (sql: string) =>
    [...athenaMacrosFor(sql).matchAll(/create macro (\w+)/g)].map(([, name]) => name)

  assert.deepEqual(created('select avg(temp) from plant'), [])
  assert.deepEqual(created('select Date_Add(\'day\', 1, t), "rand"() from x'), ['date_add', 'rand'])
})

test('the division of whole numbers follows the dialect', { skip }, async (t) => {
  const duckdb = await openedInstance(t)
  const athena = await openedInstance(t, 'athena')

  const [fraction] = (await duckdb.connection.runAndReadAll('select 5 / 2')).getRows()
  const [whole] = (await athena.connection.runAndReadAll('select 5 / 2')).getRows()

  assert.deepEqual([fraction, whole], [[2.5], [2]])
})
