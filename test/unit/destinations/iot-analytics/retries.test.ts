/** The retry rules alone: the AWS SDK's standard mode, with given random numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Failure, FailureKind } from '../../../../src/destinations/aws/failure.ts'
import { RetryRules } from '../../../../src/destinations/aws/retry-rules.ts'

const ALMOST_ONE = 1 - Number.EPSILON

function failure(kind: FailureKind, retryAfterMs?: number): Failure {
  return { kind, name: undefined, message: '', retryAfterMs, skewMs: undefined }
}

test('delays grow from 50 ms, and from 1 s when throttled, to 20 s', () => {
  const upTo = (kind: FailureKind) => {
    const call = new RetryRules(15, () => ALMOST_ONE).begin()
    return Array.from({ length: 12 }, () => call.next(failure(kind)))
  }

  assert.deepEqual(upTo('transient').slice(0, 4), [49, 99, 199, 399])
  assert.deepEqual(upTo('throttling').slice(0, 6), [999, 1_999, 3_999, 7_999, 15_999, 19_999])
  assert.equal(upTo('transient').at(-1), 19_999)
})

test('any delay is between 0 and its bound, whatever the random number', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), (chance) => {
      const call = new RetryRules(3, () => chance).begin()
      const first = call.next(failure('transient')) ?? -1
      const second = call.next(failure('transient')) ?? -1

      assert.ok(first >= 0 && first <= 50)
      assert.ok(second >= 0 && second <= 100)
      assert.equal(call.next(failure('transient')), undefined)
    }),
  )
})

test('a service may ask for more time, up to five seconds more', () => {
  const delayAfter = (retryAfterMs: number) =>
    new RetryRules(3, () => 0.5).begin().next(failure('throttling', retryAfterMs))

  assert.equal(delayAfter(100), 500)
  assert.equal(delayAfter(2_000), 2_000)
  assert.equal(delayAfter(3_600_000), 5_500)
})

test('attempts are counted as the SDK reports them', () => {
  const call = new RetryRules(3, () => 0).begin()

  assert.equal(call.progress, 'attempt=1; max=3')
  call.next(failure('transient'))
  assert.equal(call.progress, 'attempt=2; max=3')
})

test('a refused or unavailable attempt is not repeated', () => {
  const rules = new RetryRules(3, () => 0)

  assert.equal(rules.begin().next(failure('refused')), undefined)
  assert.equal(rules.begin().next(failure('unavailable')), undefined)
  assert.equal(new RetryRules(1, () => 0).begin().next(failure('transient')), undefined)
})

test('an outage drains the quota after 35 retries; successes fill it again', () => {
  const rules = new RetryRules(2, () => 0)
  const retries = () => (rules.begin().next(failure('transient')) === undefined ? 0 : 1)
  let count = 0
  for (let call = 0; call < 100; call++) count += retries()

  assert.equal(count, 35)
  assert.equal(retries(), 0)
  for (let call = 0; call < 14; call++) rules.begin().succeeded()
  assert.equal(retries(), 1)
})

test('a retry that succeeds gives back what it cost', () => {
  const rules = new RetryRules(2, () => 0)

  for (let round = 0; round < 1_000; round++) {
    const call = rules.begin()
    assert.notEqual(call.next(failure('transient')), undefined)
    call.succeeded()
  }
})
