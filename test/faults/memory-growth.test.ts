import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../support/disk/simulated-disk.ts'
import { type MemorySample, memoryGrowth } from './memory-growth.ts'

const MEBIBYTE = 1024 * 1024
const PERIOD_MS = 50_000
const options = { warmUpMs: 300_000, periodMs: PERIOD_MS }

/** Thirty minutes: a rise while it warms up, outages, peaks, and what leaks. */
function samples(leakPerMinute: number): MemorySample[] {
  const random = seededRandom(1)
  return Array.from({ length: 1_800 }, (_, second) => {
    const warmUp = 60 * Math.min(1, second / 300)
    const outage = (second % 50) / 50 > 0.7 ? 12 : 0
    const peak = random() < 0.02 ? 60 : 0
    const mebibytes = 100 + warmUp + outage + peak + 6 * random() + (leakPerMinute * second) / 60
    return { atMs: second * 1_000, bytes: mebibytes * MEBIBYTE }
  })
}

test('memory that rises only while it warms up, in outages and for moments is flat', () => {
  const { isFlat, text } = memoryGrowth(samples(0), options)

  assert.ok(isFlat, text)
})

for (const perMinute of [1.1, 5]) {
  test(`memory that leaks ${perMinute} MiB a minute is not flat`, () => {
    const { isFlat, text } = memoryGrowth(samples(perMinute), options)

    assert.ok(!isFlat, text)
  })
}
