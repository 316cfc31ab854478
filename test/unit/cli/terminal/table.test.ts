import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meter } from '../../../../src/cli/terminal/meter.ts'
import { PLAIN, styleFor } from '../../../../src/cli/terminal/style.ts'
import { type Column, tableLines } from '../../../../src/cli/terminal/table.ts'
import { fitted, widthOf } from '../../../../src/cli/terminal/text-width.ts'

const COLOURED = styleFor({ isTTY: true }, {})

const COLUMNS: readonly Column[] = [
  { heading: 'channel', mayShrink: true },
  { heading: 'in', isFigure: true },
  { heading: 'waiting', isFigure: true },
  { heading: 'topic', mayGo: true },
]

test('names are aligned left and figures right', () => {
  const lines = tableLines(COLUMNS, [
    ['line_1', '1,100/s', '9.4 M', 'a'],
    ['alarms', '4/s', '0', 'b'],
  ])

  assert.deepEqual(lines, [
    'channel       in  waiting  topic',
    'line_1   1,100/s    9.4 M  a',
    'alarms       4/s        0  b',
  ])
})

test('characters that are two columns wide, and colours, keep the columns aligned', () => {
  const lines = tableLines(COLUMNS, [
    ['温度', { text: '4/s', paint: COLOURED.red }, '0', ''],
    ['e\u0301tat', '12/s', '0', ''],
  ])

  assert.deepEqual(lines, [
    'channel    in  waiting  topic',
    '温度      \u001B[31m4/s\u001B[39m        0',
    'e\u0301tat     12/s        0',
  ])
})

test('where there is no room, columns that may go leave and names are cut', () => {
  const rows = [['a_channel_with_a_long_name', '1,100/s', '9.4 M', 'factory/line1/temp']]

  const lines = tableLines(COLUMNS, rows, { columns: 32 })

  assert.deepEqual(lines, ['channel              in  waiting', 'a_channel_wit…  1,100/s    9.4 M'])
  assert.ok(tableLines(COLUMNS, rows, { columns: 5 }).every((line) => widthOf(line) <= 26))
})

test('a text that is cut ends with … and with the end of its colour', () => {
  assert.equal(fitted('hello world', 5), 'hell…')
  assert.equal(fitted('温度温度', 5), '温度…')
  assert.equal(fitted('温度温度', 4), '温…')
  assert.equal(fitted(COLOURED.red('hello world'), 5), '\u001B[31mhell…\u001B[39m')
  assert.equal(fitted(`a${COLOURED.red('bcd')}`, 2), 'a\u001B[31m…\u001B[39m')
  assert.equal(fitted('exact', 5), 'exact')
  assert.equal(fitted('x', 0), '')
})

test('a meter shows something for the least and is full only at the bound', () => {
  assert.equal(meter(0, 100, PLAIN), '[----------]')
  assert.equal(meter(1, 100, PLAIN), '[#---------]')
  assert.equal(meter(99, 100, PLAIN), '[#########-]')
  assert.equal(meter(100, 100, PLAIN), '[##########]')
  assert.equal(meter(85, 100, COLOURED), '[\u001B[33m########\u001B[39m--]')
})
