import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { retryDelayMs } from '../../../src/sources/retry-delay.ts'

test('delays double from half a second to a minute and are never longer', () => {
  assert.equal(retryDelayMs(0, 0), 500)
  assert.equal(retryDelayMs(3, 0.5), 6000)
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, random) => {
        const delay = retryDelayMs(attempt, random)
        assert.ok(delay >= 500 && delay <= 60_000)
      },
    ),
  )
})
