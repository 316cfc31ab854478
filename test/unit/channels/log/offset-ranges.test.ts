import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collapsedOffset, OffsetRanges } from '../../../../src/channels/log/offset-ranges.ts'

function rangesOf(...ranges: [from: number, to: number][]): OffsetRanges {
  return new OffsetRanges(ranges.map(([from, to]) => ({ from, to })))
}

function pairs(ranges: OffsetRanges): number[][] {
  return Array.from(ranges, ({ from, to }) => [from, to])
}

test('offsets below a collapsed range keep their number, those above move down', () => {
  const numbers = [0, 4, 5, 6, 7, 8, 9, 20].map((offset) => collapsedOffset(offset, 5, 8))

  assert.deepEqual(numbers, [0, 4, 5, 5, 5, 5, 6, 17])
})

test('an empty range collapses nothing', () => {
  assert.deepEqual(
    [4, 5, 6].map((offset) => collapsedOffset(offset, 5, 5)),
    [4, 5, 6],
  )
})

test('collapsing takes offsets out of the numbering and joins what then touches', () => {
  const ranges = rangesOf([0, 5], [8, 10], [12, 14])

  ranges.collapse(5, 8)

  assert.deepEqual(pairs(ranges), [
    [0, 7],
    [9, 11],
  ])
  assert.equal(ranges.size, 9)
})

test('collapsing part of a range shortens it', () => {
  const ranges = rangesOf([2, 12])

  ranges.collapse(4, 9)

  assert.deepEqual(pairs(ranges), [[2, 7]])
  assert.equal(ranges.size, 5)
})
