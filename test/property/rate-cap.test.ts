/** Rate caps: over any period no more is sent than the rate allows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RateCap } from '../../src/delivery/rate-cap.ts'
import { TokenBucket } from '../../src/delivery/token-bucket.ts'
import { ManualClock } from '../support/manual-clock.ts'

test('over any period a token bucket gives at most its rate and one second’s worth', () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 1000, noNaN: true }), pauses, (perSecond, waits) => {
      const bucket = new TokenBucket(perSecond, 0)
      const spent: { at: number; amount: number }[] = []
      let now = 0
      for (const wait of waits) {
        now += wait
        const amount = Math.max(0, bucket.available(now))
        bucket.spend(amount, now)
        spent.push({ at: now, amount })
      }

      for (const [index, { at }] of spent.entries()) {
        let sum = 0
        for (const later of spent.slice(index)) {
          sum += later.amount
          assert.ok(sum <= perSecond * (1 + (later.at - at) / 1000) + 1e-6)
        }
      }
    }),
  )
})

test('tokens that had to be waited for are there afterwards, whatever was overdrawn', () => {
  const amounts = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), amounts, (perSecond, wanted) => {
      const bucket = new TokenBucket(perSecond, 0)
      let now = 0
      let total = 0
      for (const amount of wanted) {
        now += bucket.untilMs(amount, now)
        assert.ok(bucket.untilMs(amount, now) <= 1)
        bucket.spend(amount, now)
        total += amount
      }

      // It is slower than the rate only by the rounding of each wait.
      assert.ok(now <= (total / perSecond) * 1000 + 2 * wanted.length)
    }),
  )
})

test('a cap counts what batches turn out to carry, not what they were expected to', () => {
  const clock = new ManualClock()
  const cap = new RateCap({ maxMessagesPerSecond: 10, maxBytesPerSecond: 1000 }, clock)

  const reservation = cap.reserve({ messages: 5, bytes: 500 }, { messages: 100, bytes: 100_000 })
  cap.correct(reservation, { messages: 10, bytes: 1500 })

  assert.deepEqual(reservation.limit, { messages: 10, bytes: 1000 })
  assert.equal(cap.untilMs({ messages: 1, bytes: 0 }), 500, 'until the overdrawn bytes are back')
  clock.advance(500)
  assert.equal(cap.untilMs({ messages: 5, bytes: 0 }), 0)
  assert.equal(cap.untilMs({ messages: 1, bytes: 100 }), 100)
})
