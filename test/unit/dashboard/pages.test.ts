import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partsOf } from '../../../dashboard/pages/ledger/account-parts.ts'
import { rangesOf, waysOf } from '../../../dashboard/pages/messages/replay-ranges.ts'
import { sinceStart } from '../../../dashboard/pages/messages/story-times.ts'
import { account, sampleDeadLetters } from '../../browser/support/sample-page-data.ts'

const letters = sampleDeadLetters(0)

test('chosen letters that follow each other are one range, with none of the others', () => {
  assert.deepEqual(rangesOf(letters, new Set([4, 7, 12])), [
    { from: 4, to: 8 },
    { from: 12, to: 13 },
  ])
  assert.deepEqual(rangesOf(letters, new Set([4, 7, 8, 12])), [{ from: 4, to: 13 }])
  assert.deepEqual(rangesOf(letters, new Set()), [])
})

test('letters go back to their channels, those refused on arrival through routing', () => {
  assert.deepEqual(waysOf(letters), [
    ['to line_1', 2],
    ['to alarms', 1],
    ['through routing', 1],
  ])
})

test('the parts of an account begin where the one before ended, and end with all', () => {
  const parts = partsOf(account({ dropped: { QueueFull: 300, StorageFull: 12 } }))

  for (const [index, { before }] of parts.entries()) {
    const last = parts[index - 1]
    assert.equal(before, last === undefined ? 0 : last.before + last.count)
  }
  const end = parts.at(-1)
  assert.equal((end?.before ?? 0) + (end?.count ?? 0), 1_204_331)
  assert.deepEqual(
    parts.map(({ label }) => label),
    [
      'delivered',
      'rejected',
      'dropped: QueueFull',
      'dropped: StorageFull',
      'expired',
      'waiting',
      'in flight',
    ],
  )
})

test('a step of a story says how long after the first one it was', () => {
  const start = '2026-11-28T09:31:07.114Z'

  assert.equal(sinceStart(start, '2026-11-28T09:31:07.117Z'), '+3 ms')
  assert.equal(sinceStart(start, '2026-11-28T09:31:08.314Z'), '+1.2 s')
  assert.equal(sinceStart(start, '2026-11-28T11:41:07.114Z'), '+2 h 10 min')
  assert.equal(sinceStart(start, '2026-11-28T09:31:07.073Z'), '-41 ms')
})
