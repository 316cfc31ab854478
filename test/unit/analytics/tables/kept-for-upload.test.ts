/** Files that are uploaded stay as they are, and wait for it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finalFiles, planCompaction } from '../../../../src/analytics/tables/compaction-plan.ts'
import { keptDays } from '../../../../src/analytics/tables/retention.ts'
import { tableFilePath } from '../../../../src/analytics/tables/table-file.ts'
import type { ListedFile } from '../../../../src/analytics/tables/table-listing.ts'

const NOW = Date.UTC(2026, 10, 30, 12)
const DAY_MS = 86_400_000

function fileOf(day: string, first: number, end: number, bytes = 10): ListedFile {
  const file = { day, logId: '0a1b2c3d', first, end }
  return { ...file, path: tableFilePath(file), bytes, modifiedAt: 0 }
}

test('no compaction reaches over a file that stays as it is', () => {
  const files = [0, 10, 20, 30, 40].map((first) => fileOf('2026-11-28', first, first + 10))
  const planned = (...fixed: number[]) => {
    const paths = new Set(fixed.map((at) => files[at]?.path ?? ''))
    return planCompaction(files, NOW, { fixed: paths })?.map(({ first }) => first)
  }

  assert.deepEqual(planned(), [0, 10, 20, 30, 40])
  assert.deepEqual(planned(2), [0, 10])
  assert.deepEqual(planned(1), [20, 30, 40])
  assert.deepEqual(planned(1, 3), undefined)
})

test('files of days that are over are final, and large ones of today', () => {
  const files = [
    fileOf('2026-11-29', 0, 10),
    fileOf('2026-11-30', 10, 20),
    fileOf('2026-11-30', 20, 30, 70_000_000),
  ]

  assert.deepEqual(
    finalFiles(files, NOW).map(({ first }) => first),
    [0, 20],
  )
  const pastMidnight = Date.UTC(2026, 11, 1, 0, 30)
  assert.deepEqual(
    finalFiles(files, pastMidnight).map(({ first }) => first),
    [0, 20],
  )
})

test('files wait for their upload beyond their age, those of other channels do not', () => {
  const files = ['2026-11-01', '2026-11-10', '2026-11-29'].map((day) => fileOf(day, 0, 10))
  const rules = { retentionMs: 7 * DAY_MS, maxBytes: 1_000 }

  const waiting = keptDays(files, NOW, rules, new Map([['press', '2026-11-10']]))
  const unknown = keptDays(files, NOW, rules, new Map([['press', '']]))
  const none = keptDays(files, NOW, rules, new Map())

  assert.deepEqual([waiting('press'), waiting('other')], ['2026-11-10', '2026-11-23'])
  assert.equal(unknown('press'), '')
  assert.equal(none('press'), '2026-11-23')
})

test('if there is no room, files do not wait', () => {
  const files = ['2026-11-01', '2026-11-10', '2026-11-29'].map((day) => fileOf(day, 0, 10, 400))
  const rules = { retentionMs: 7 * DAY_MS, maxBytes: 1_000 }

  const kept = keptDays(files, NOW, rules, new Map([['press', '2026-11-01']]))

  assert.deepEqual([kept('press'), kept('other')], ['2026-11-02', '2026-11-23'])
})
