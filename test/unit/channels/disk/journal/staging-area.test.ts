/** Messages between their arrival and their commit, and afterwards in memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batch } from '../../../../../src/channels/disk/format/chunk.ts'
import {
  type StagedGroup,
  StagingArea,
} from '../../../../../src/channels/disk/journal/staging-area.ts'
import { MemoryBudget } from '../../../../../src/channels/log/memory-budget.ts'
import { draftOf } from '../../../../support/channels/log-drafts.ts'

const MEMORY_BYTES = 16 * 1024 * 1024

function stagingArea(end = 0) {
  const budget = new MemoryBudget(MEMORY_BYTES)
  const staging = new StagingArea({
    identity: { id: 1, key: 2 },
    end,
    budget,
    maxChunkBytes: 64 * 1024,
    freeMemory: () => {},
  })
  const append = (...texts: string[]) => {
    for (const text of texts) staging.append(draftOf(text))
  }
  return { staging, budget, append }
}

/** Offset and payload of each message of the group. */
function messagesOf(group: StagedGroup): string[] {
  const batch = new Batch(1000, MEMORY_BYTES)
  for (const { chunk } of group.parts) {
    const from = Math.max(group.firstOffset, chunk.firstOffset)
    chunk.collect(from, Math.min(group.endOffset, chunk.endOffset), batch)
  }
  return batch.messages.map(({ offset, payload }) => `${offset} ${payload}`)
}

test('a group has the messages appended since the one before', () => {
  const { staging, append } = stagingArea(7)

  append('a', 'b')
  const first = staging.cut()
  append('c')
  const second = staging.cut()

  assert.deepEqual(messagesOf(first), ['7 a', '8 b'])
  assert.deepEqual(messagesOf(second), ['9 c'])
  assert.equal(staging.end, 10)
  assert.equal(staging.stagedBytes, 0)
})

test('messages that were appended after a group that failed move down to its offsets', () => {
  const { staging, append } = stagingArea()
  append('stored')
  staging.cut()

  append('lost 1', 'lost 2')
  const failed = staging.cut()
  append('next 1', 'next 2')
  staging.collapse(failed)
  append('next 3')

  const group = staging.cut()
  assert.deepEqual(messagesOf(group), ['1 next 1', '2 next 2', '3 next 3'])
  assert.equal(staging.end, 4)
})

test('a group that failed with nothing behind it leaves the area as it was before', () => {
  const { staging, append } = stagingArea()
  append('lost')

  staging.collapse(staging.cut())
  append('next')

  assert.deepEqual(messagesOf(staging.cut()), ['0 next'])
})

test('memory is released chunk by chunk, and never what is not committed', () => {
  const { staging, budget, append } = stagingArea()
  append('x'.repeat(60_000), 'y'.repeat(60_000))
  staging.cut()
  append('z'.repeat(60_000))

  const kept = budget.held
  const nothing = staging.dropOldest(0)
  const dropped = staging.dropOldest(2)
  staging.cut()

  assert.equal(nothing, 0)
  assert.ok(dropped > 0)
  assert.equal(budget.held, kept - dropped)
  assert.equal(staging.find(0), undefined)
  assert.equal(staging.find(2)?.firstOffset, 2)
  staging.clear()
  assert.equal(budget.held, 0)
})
