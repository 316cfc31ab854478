import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LineSplitter } from '../../../../src/analytics/lines/line-splitter.ts'

function splitter(maxBytes: number) {
  const lines: string[] = []
  const tooLong: string[] = []
  const lineSplitter = new LineSplitter({
    maxBytes,
    onLine: (line) => lines.push(line.toString()),
    onTooLong: (start) => tooLong.push(start.toString()),
  })
  const push = (text: string) => lineSplitter.push(Buffer.from(text))
  return { lineSplitter, push, lines, tooLong }
}

test('lines are found across pieces, empty ones too, and the last one at the end', () => {
  const { lineSplitter, push, lines } = splitter(100)

  for (const piece of ['a\nb', 'c', '\n\n', 'd']) push(piece)
  assert.deepEqual(lines, ['a', 'bc', ''])
  lineSplitter.end()

  assert.deepEqual(lines, ['a', 'bc', '', 'd'])
})

test('only a line feed ends a line', () => {
  const { push, lines } = splitter(100)

  push('a\r"\u2028"\r\nb\n')

  assert.deepEqual(lines, ['a\r"\u2028"\r', 'b'])
})

test('the start of a line that is too long is reported once, and the next lines are whole', () => {
  const { lineSplitter, push, lines, tooLong } = splitter(4)

  for (const piece of ['12345\n1234\n12', '34', '5']) push(piece)
  assert.deepEqual(tooLong, ['1234', '1234'], 'before the line has ended')
  for (const piece of ['6\nok\nabcdef', 'gh']) push(piece)
  lineSplitter.end()

  assert.deepEqual(lines, ['1234', 'ok'])
  assert.deepEqual(tooLong, ['1234', '1234', 'abcd'])
})

test('what is pushed may be overwritten afterwards', () => {
  const { lineSplitter, lines } = splitter(100)
  const memory = Buffer.from('{"n":')

  lineSplitter.push(memory)
  memory.fill('x')
  lineSplitter.push(Buffer.from('1}\n'))

  assert.deepEqual(lines, ['{"n":1}'])
})
