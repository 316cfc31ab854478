import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limited } from '../../../../src/cli/commands/tail/rate-limit.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'

test('the first items of each second pass, and the others are counted', async () => {
  const clock = new ManualClock()
  const skipped: number[] = []
  const shown: number[] = []
  const items = (async function* () {
    for (let item = 0; item < 10; item++) yield item
    clock.advance(1_000)
    for (let item = 10; item < 12; item++) yield item
    clock.advance(1_000)
    for (let item = 12; item < 16; item++) yield item
  })()

  const onSkipped = (count: number) => skipped.push(count)
  for await (const item of limited(items, { perSecond: 3, clock, onSkipped })) shown.push(item)

  assert.deepEqual(shown, [0, 1, 2, 10, 11, 12, 13, 14])
  assert.deepEqual(skipped, [7, 1])
})

test('what was left out is reported even if no further item comes', async () => {
  const clock = new ManualClock()
  const skipped: number[] = []
  const items = (async function* () {
    yield* [1, 2, 3]
    await new Promise(() => {})
  })()

  const onSkipped = (count: number) => skipped.push(count)
  const reader = limited(items, { perSecond: 1, clock, onSkipped })
  await reader.next()
  void reader.next()
  await settled()
  clock.advance(1_000)

  assert.deepEqual(skipped, [2])
})
