import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineSplitter } from '../../../../src/analytics/imports/line-splitter.ts'

function linesOf(splitter: LineSplitter, ...parts: string[]): string[] {
  const lines = parts.flatMap((part) => splitter.push(Buffer.from(part)))
  return [...lines, ...splitter.end()].map(String)
}

test('lines are found across pieces, with either end and without empty ones', () => {
  const splitter = new LineSplitter(100)

  const lines = linesOf(splitter, 'a\nb', 'c\r', '\n\n\r\nd')

  assert.deepEqual(lines, ['a', 'bc', 'd'])
})

test('a line that is too long is dropped and counted, and the next ones are not', () => {
  const splitter = new LineSplitter(4)

  const lines = linesOf(splitter, '12345\n1234\n12', '34', '5', '6\nok\n123456')

  assert.deepEqual(lines, ['1234', 'ok'])
  assert.equal(splitter.tooLong, 3)
})
