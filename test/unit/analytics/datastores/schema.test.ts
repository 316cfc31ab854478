/** Types of columns and formats of times, as definitions of datastores write them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duckdbTypeOf } from '../../../../src/analytics/datastores/schema/glue-type.ts'
import { strptimeFormatOf } from '../../../../src/analytics/datastores/schema/time-format.ts'

test('the types of Glue have their equivalents in DuckDB', () => {
  const types = {
    string: 'VARCHAR',
    ' INT ': 'INTEGER',
    'decimal(12, 3)': 'DECIMAL(12,3)',
    decimal: 'DECIMAL(10,0)',
    'varchar(20)': 'VARCHAR',
    'array<array<double>>': 'DOUBLE[][]',
    'map<string,bigint>': 'MAP(VARCHAR, BIGINT)',
    'struct<a:int,b c:boolean>': undefined,
    'struct<a:int, "b:struct<c:array<date>>>': 'STRUCT("a" INTEGER, """b" STRUCT("c" DATE[]))',
  }
  for (const [glue, duckdb] of Object.entries(types)) {
    if (duckdb === undefined) assert.throws(() => duckdbTypeOf(glue), RangeError, glue)
    else assert.equal(duckdbTypeOf(glue), duckdb)
  }
})

test('other types are refused, with what was expected and where', () => {
  const wrong = [
    '',
    'quux',
    'int)',
    'array<int',
    'array<>',
    'map<int>',
    'struct<>',
    'struct<a>',
    'decimal(39,0)',
    'decimal(3,4)',
    'varchar',
    'toString',
    'int; drop table x',
    'array<'.repeat(200),
  ]
  for (const type of wrong) assert.throws(() => duckdbTypeOf(type), RangeError, type)
  assert.throws(() => duckdbTypeOf('array<quux>'), /expected boolean.*got "array<quux>"/)
})

test('formats of Java are those of strptime, or refused', () => {
  assert.equal(strptimeFormatOf("yyyy-MM-dd'T'HH:mm:ss.SSSXXX"), '%Y-%m-%dT%H:%M:%S.%g%z')
  assert.equal(strptimeFormatOf("d/M/yy hh''mm a"), "%d/%m/%y %I'%M %p")
  assert.equal(strptimeFormatOf("'100%' yyyy"), '100%% %Y')
  for (const wrong of ['yyyy-[MM]', 'QQ', "yyyy'T", 'yyyyMMddx']) {
    assert.throws(() => strptimeFormatOf(wrong), RangeError, wrong)
  }
})
