import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesText, usageText } from '../../../src/format/bytes.ts'
import { countText, exactCount } from '../../../src/format/count.ts'
import { durationText, roughDurationText } from '../../../src/format/duration.ts'
import { rateText } from '../../../src/format/rate.ts'
import { clockText, dateTimeText, zoneText } from '../../../src/format/time.ts'

function eachReads<Value>(text: (value: Value) => string, rows: readonly [Value, string][]): void {
  assert.deepEqual(
    rows.map(([value]) => text(value)),
    rows.map(([, expected]) => expected),
  )
}

test('counts are exact to a million and never show more than there is', () => {
  eachReads(countText, [
    [0, '0'],
    [999, '999'],
    [1_204, '1,204'],
    [999_999, '999,999'],
    [1_000_000, '1 M'],
    [9_400_000, '9.4 M'],
    [9_999_999, '9.99 M'],
    [12_345_678, '12.3 M'],
    [999_999_999, '999 M'],
    [1_200_000_000, '1.2 bn'],
    [Number.MAX_SAFE_INTEGER, '9007 T'],
  ])
  assert.equal(exactCount(12_345_678), '12,345,678')
})

test('rates have three digits', () => {
  eachReads(rateText, [
    [0, '0/s'],
    [0.001, '<0.01/s'],
    [0.25, '0.25/s'],
    [4, '4/s'],
    [12.48, '12.5/s'],
    [99.99, '100/s'],
    [1_204.4, '1,204/s'],
    [9_999.6, '10 k/s'],
    [12_345, '12.3 k/s'],
    [1_234_000, '1.23 M/s'],
    [999_600_000, '1 bn/s'],
    [1e15, '1000 T/s'],
  ])
})

test('bytes have SI units, and what is used has the unit of its bound', () => {
  eachReads(bytesText, [
    [0, '0 B'],
    [108, '108 B'],
    [1_000, '1 kB'],
    [999_999, '1 MB'],
    [1_940_000_000, '1.94 GB'],
    [536_870_912, '537 MB'],
  ])
  assert.equal(usageText(1_940_000_000, 4_000_000_000), '1.94 of 4 GB')
  assert.equal(usageText(20_000, 4_000_000_000), '20 kB of 4 GB')
  assert.equal(usageText(0, 4_000_000_000), '0 of 4 GB')
})

test('durations have two parts, and estimates have one', () => {
  eachReads(durationText, [
    [0, '0 s'],
    [0.041, '41 ms'],
    [14.9, '14 s'],
    [320, '5 min 20 s'],
    [3600, '1 h'],
    [7_800, '2 h 10 min'],
    [100_000, '1 d 3 h'],
  ])
  eachReads(roughDurationText, [
    [0.2, '1 s'],
    [59.2, '60 s'],
    [380, '6 min'],
    [147_600, '41 h'],
    [450_000, '5 d'],
  ])
})

test('times are those of the zone, with milliseconds on request', () => {
  const at = Date.parse('2026-11-28T09:31:07.114Z')

  assert.equal(dateTimeText(at, 'utc'), '2026-11-28 09:31:07')
  assert.equal(clockText(at, 'utc', true), '09:31:07.114')
  assert.equal(zoneText(at, 'utc'), 'UTC')
  const local = new Date(at)
  assert.equal(clockText(at, 'local').slice(0, 2), String(local.getHours()).padStart(2, '0'))
  assert.match(zoneText(at, 'local'), /^UTC([+-]\d\d:\d\d)?$/)
})
