/** Text of clients is cut and escaped before it is shown or remembered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cut, printable, quoted, safeJson } from '../../src/shown-text.ts'

test('a text that is cut does not keep the memory of the text it was cut from', () => {
  const held: string[] = []
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 100; i++) held.push(cut(JSON.parse(`"${i}${'x'.repeat(1_000_000)}"`), 200))
  const grown = process.memoryUsage().heapUsed - before

  assert.equal(held[7]?.length, 201)
  assert.ok(grown < 50_000_000, `${grown} bytes`)
})

test('a short text stays as it is, a longer one ends with an ellipsis', () => {
  assert.equal(cut('pump', 4), 'pump')
  assert.equal(cut('pumps', 4), 'pump…')
})

test('quoted text has no character that steers a terminal or turns the reading order', () => {
  assert.equal(quoted('a"\u001b[2J\u009b\u202eb'), '"a\\"\\u001b[2J\\u009b\\u202eb"')
  assert.equal(quoted('p'.repeat(1_000)), `"${'p'.repeat(128)}…"`)
})

test('escaping JSON changes neither its values nor its layout', () => {
  const value = { text: '\u009b31m \u202e \u{e0041} é €\n', list: [1] }
  const json = safeJson(JSON.stringify(value, undefined, 2))

  assert.deepEqual(JSON.parse(json), value)
  assert.doesNotMatch(json, /[\u007f-\u009f\u202e]|\p{Cf}/u)
  assert.match(json, /\n {2}"list"/)
})

test('printable text shows control characters instead of sending them', () => {
  assert.equal(printable('a\nb\u009b\u2066'), 'a\\nb\\u009b\\u2066')
})
