import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTime, timeText } from '../../src/iso-time.ts'

test('a time is read with its zone, or as a day in UTC', () => {
  assert.equal(parseTime('2026-01-31T12:00:00Z'), Date.UTC(2026, 0, 31, 12))
  assert.equal(parseTime('2026-01-31T13:00:00+01:00'), Date.UTC(2026, 0, 31, 12))
  assert.equal(parseTime('2026-01-31'), Date.UTC(2026, 0, 31))
  assert.equal(timeText(Date.UTC(2026, 0, 31, 12)), '2026-01-31T12:00:00.000Z')
})

for (const text of ['', '5', 'yesterday', '2026', '2026-99-01', '31.01.2026']) {
  test(`${JSON.stringify(text)} is not a time`, () => {
    assert.equal(parseTime(text), undefined)
  })
}
