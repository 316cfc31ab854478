import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CsvRecords } from '../../../../src/analytics/imports/csv-records.ts'
import { Random } from '../../../support/random.ts'

function fieldsOf(...parts: string[]): (string | null)[][] {
  const records = new CsvRecords()
  const found = [...parts.flatMap((part) => records.push(part)), ...records.end()]
  return found.map(({ fields }) => [...fields])
}

test('fields may have commas, quotes and lines between quotes; an empty one without quotes is NULL', () => {
  const text = '"a","b c",d\r\n"say ""hi""","1,2","x\ny"\n,"",z'

  const fields = fieldsOf(text)

  assert.deepEqual(fields, [
    ['a', 'b c', 'd'],
    ['say "hi"', '1,2', 'x\ny'],
    [null, '', 'z'],
  ])
})

test('records are the same however the text is divided', () => {
  const random = new Random(7)
  const text = '"a","b"\r\n"x ""y"" z",\n\n1,"2\n3"\r\nlast,one'
  const whole = fieldsOf(text)

  for (let round = 0; round < 200; round++) {
    const cuts = [random.below(text.length), random.below(text.length)].sort((a, b) => a - b)
    const [first = 0, second = 0] = cuts
    const parts = [text.slice(0, first), text.slice(first, second), text.slice(second)]
    assert.deepEqual(fieldsOf(...parts), whole, JSON.stringify(parts))
  }
})

test('each record knows its line, also behind lines in fields', () => {
  const records = new CsvRecords()

  const found = records.push('a\n"x\ny\nz"\nb\n')

  assert.deepEqual(
    found.map(({ line }) => line),
    [1, 2, 5],
  )
})

test('what is no CSV is refused with its line', () => {
  assert.throws(() => fieldsOf('a,b\n"open,c\nd'), /line 2: a quote is not closed/)
  assert.throws(() => fieldsOf('a\nb"c"\n'), /line 2: a quote in a field without quotes/)
  assert.throws(() => fieldsOf('"a"b\n'), /line 1: expected a comma or the end of the line/)
})

test('a quote that is never closed does not fill the memory', () => {
  const records = new CsvRecords()
  const part = 'x'.repeat(1024 * 1024)
  records.push('"')

  assert.throws(() => {
    for (let count = 0; count < 100; count++) records.push(part)
  }, /line 1: a quote is not closed, or the record is too long/)
})
