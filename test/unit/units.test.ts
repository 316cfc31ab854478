import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { counted, formatDuration, formatSize, parseDuration, parseSize } from '../../src/units.ts'

for (const [text, milliseconds] of [
  ['0s', 0],
  ['20ms', 20],
  ['1.5s', 1_500],
  ['90 s', 90_000],
  ['15m', 900_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
] as const) {
  test(`the duration ${text} is ${milliseconds} ms`, () => {
    assert.equal(parseDuration(text), milliseconds)
  })
}

for (const [text, bytes] of [
  ['0B', 0],
  ['64KiB', 65_536],
  ['1.5MiB', 1_572_864],
  ['10GB', 10_000_000_000],
  ['2 TiB', 2_199_023_255_552],
] as const) {
  test(`the size ${text} is ${bytes} bytes`, () => {
    assert.equal(parseSize(text), bytes)
  })
}

for (const text of ['', '5', 's', '-1s', '1e3s', '5 minutes', '5S', '64M', '64mib', ' 1s', '1s ']) {
  test(`${JSON.stringify(text)} is neither a duration nor a size`, () => {
    assert.equal(parseDuration(text), undefined)
    assert.equal(parseSize(text), undefined)
  })
}

test('a quantity is written in the largest unit without a remainder', () => {
  assert.deepEqual([0, 20, 1_500, 60_000, 5_400_000, 604_800_000].map(formatDuration), [
    '0s',
    '20ms',
    '1500ms',
    '1m',
    '90m',
    '7d',
  ])
  assert.deepEqual([0, 1_000, 65_536, 10_000_000_000].map(formatSize), [
    '0B',
    '1kB',
    '64KiB',
    '10GB',
  ])
})

test('what is written is read back as the same number', () => {
  const amount = fc.integer({ min: 0, max: 1_000_000_000_000 })

  fc.assert(fc.property(amount, (value) => parseDuration(formatDuration(value)) === value))
  fc.assert(fc.property(amount, (value) => parseSize(formatSize(value)) === value))
})

test('one of a thing is named in the singular', () => {
  assert.deepEqual(
    [0, 1, 2000].map((count) => counted(count, 'message')),
    ['0 messages', '1 message', '2000 messages'],
  )
})
