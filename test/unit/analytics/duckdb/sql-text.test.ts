import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  quotedName,
  textLiteral,
  withoutEnd,
  withStandardQuotes,
} from '../../../../src/analytics/duckdb/sql-text.ts'

test('texts and names are quoted', () => {
  assert.equal(textLiteral("it's"), "'it''s'")
  assert.equal(quotedName('a"b'), '"a""b"')
})

test('names in back quotes become names in double quotes, but not inside of other texts', () => {
  const sql = 'select `a b`, \'`x`\', "`y`" /* `z` */ from `c` -- `d`'

  assert.equal(withStandardQuotes(sql), 'select "a b", \'`x`\', "`y`" /* `z` */ from "c" -- `d`')
})

test('semicolons and comments at the end are left out', () => {
  assert.equal(withoutEnd('select 1 ; -- one; two\n;'), 'select 1 ')
  assert.equal(withoutEnd("select ';' /* ; */"), "select ';' ")
  assert.equal(withoutEnd('select 1; select 2'), 'select 1; select 2')
  assert.equal(withoutEnd('select $a$ ; $a$;'), 'select $a$ ; $a$')
})
