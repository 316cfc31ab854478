import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { quotedName } from '../../../dashboard/pages/query/quoted-name.ts'
import { plottedColumns } from '../../../dashboard/pages/query/result/plot-columns.ts'
import { cellsOf, type Result } from '../../../dashboard/pages/query/result/result-row.ts'

function resultOf(lines: readonly string[]): Result {
  const rows = lines.map(cellsOf)
  const columns = rows[0]?.map(({ name }) => name) ?? []
  return { columns, rows, isCut: false, elapsedMs: 1 }
}

test('a row keeps the digits of its numbers and the order of its columns', () => {
  const cells = cellsOf(
    '{"b":9007199254740993,"2":1.10,"1":null,"t":"x\\n","o":{"a":[1,"}"]},"f":false}',
  )

  assert.deepEqual(
    cells.map(({ name, kind, text }) => [name, kind, text]),
    [
      ['b', 'number', '9007199254740993'],
      ['2', 'number', '1.10'],
      ['1', 'null', ''],
      ['t', 'text', 'x\n'],
      ['o', 'nested', '{"a":[1,"}"]}'],
      ['f', 'boolean', 'false'],
    ],
  )
})

test('whatever a row contains, its values are those that JSON has', () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.jsonValue())), (members) => {
      const line = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`

      const cells = cellsOf(line)

      assert.deepEqual(
        cells.map(({ name, kind, text }) => [name, kind === 'text' ? JSON.stringify(text) : text]),
        members.map(([name, value]) => [name, value === null ? '' : JSON.stringify(value)]),
      )
    }),
  )
})

test('a line that is no JSON is refused', () => {
  assert.throws(() => cellsOf('{"a":1'), SyntaxError)
})

test('the first column of times is plotted, in order, against the numbers', () => {
  const plotted = plottedColumns(
    resultOf([
      '{"device":"a","minute":"2026-11-28T09:32:00.000","temp":2,"rpm":null,"day":"2026-11-28"}',
      '{"device":"b","minute":"2026-11-28T09:31:00.000","temp":1.5,"rpm":7,"day":"2026-11-28"}',
    ]),
  )

  assert.equal(plotted?.x, 'minute')
  assert.deepEqual(
    plotted?.times,
    [Date.UTC(2026, 10, 28, 9, 31), Date.UTC(2026, 10, 28, 9, 32)].map((at) => at / 1000),
  )
  assert.deepEqual(plotted?.series, [
    { name: 'temp', values: [1.5, 2] },
    { name: 'rpm', values: [7, null] },
  ])
})

test('times with a zone, with microseconds and as days are understood', () => {
  for (const [text, at] of [
    ['2026-11-28T09:31:00.123456Z', Date.UTC(2026, 10, 28, 9, 31, 0, 123)],
    ['2026-11-28 10:31:00+01', Date.UTC(2026, 10, 28, 9, 31)],
    ['2026-11-28', Date.UTC(2026, 10, 28)],
  ] as const) {
    const plotted = plottedColumns(resultOf([JSON.stringify({ text, n: 1 })]))

    assert.deepEqual(plotted?.times.map(Math.floor), [Math.floor(at / 1000)], text)
  }
})

test('at most eight lines are drawn, and the others are named', () => {
  const numbers = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`n${index}`, index]))

  const plotted = plottedColumns(resultOf([JSON.stringify({ day: '2026-11-28', ...numbers })]))

  assert.equal(plotted?.series.length, 8)
  assert.deepEqual(plotted?.omitted, ['n8', 'n9'])
})

test('without times, without numbers or without rows there is no plot', () => {
  assert.equal(plottedColumns(resultOf(['{"a":1}'])), undefined)
  assert.equal(plottedColumns(resultOf(['{"day":"2026-11-28","a":null}'])), undefined)
  assert.equal(plottedColumns(resultOf([])), undefined)
})

test('names that are no plain words are quoted', () => {
  assert.equal(quotedName('temp'), 'temp')
  assert.equal(quotedName('offset'), '"offset"')
  assert.equal(quotedName('Line 1'), '"Line 1"')
  assert.equal(quotedName('a"b'), '"a""b"')
})
