/** One bound that several holders share: never exceeded, and nobody takes all of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SharedBound } from '../../../../../src/sources/mqtt-server/limits/shared-bound.ts'

/** Takes one by one until no more is allowed. */
function fill(bound: SharedBound, held: number): number {
  let holds = held
  while (bound.allows(holds, 1)) {
    bound.take(1)
    holds++
  }
  return holds
}

test('a single holder gets as much as its portion allows', () => {
  const portion = SharedBound.portionFor(1_000, 100)

  assert.ok([99, 100].includes(fill(new SharedBound(1_000, portion), 0)))
  assert.equal(fill(new SharedBound(1_000, 2), 0), 500)
  assert.equal(fill(new SharedBound(1_000, SharedBound.portionFor(1_000, 900)), 0), 500)
})

test('hundreds of holders that come one after the other leave room for the next one', () => {
  const bound = new SharedBound(64_000_000, SharedBound.portionFor(64_000_000, 4_000_000))
  const takeAll = (): void => {
    const share = () => bound.share
    for (let held = 0; share() - held >= 1_000 && bound.allows(held, 1_000); held += 1_000) {
      bound.take(1_000)
    }
  }
  for (let i = 0; i < 300; i++) takeAll()

  assert.ok(bound.share > 5_000, `${bound.share}`)
})

test('a holder that comes last gets at least half as much as those who took all they could', () => {
  const bound = new SharedBound(10_000, 1)
  const greedy = [0, 0, 0, 0, 0]
  for (let i = 0; i < 20_000; i++) {
    const at = i % greedy.length
    if (!bound.allows(greedy[at] ?? 0, 1)) continue
    bound.take(1)
    greedy[at] = (greedy[at] ?? 0) + 1
  }

  const most = Math.max(...greedy)
  assert.ok(bound.allows(0, most / 2), `${most} held, ${bound.share} allowed`)
})

test('what is released can be taken again', () => {
  const bound = new SharedBound(100, 1)
  bound.take(50)
  assert.equal(bound.allows(50, 1), false)
  bound.release(50)
  assert.equal(bound.allows(0, 30), true)
  assert.equal(bound.used, 0)
})

test('whatever holders ask for, the bound is never exceeded and one that holds nothing gets some', () => {
  const request = fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 300 }))
  fc.assert(
    fc.property(fc.array(request, { maxLength: 300 }), (requests) => {
      const bound = new SharedBound(10_000, 0.25)
      const held = new Array<number>(10).fill(0)
      for (const [holder, amount] of requests) {
        if (!bound.allows(held[holder] ?? 0, amount)) continue
        bound.take(amount)
        held[holder] = (held[holder] ?? 0) + amount
      }
      assert.ok(bound.used <= bound.max)
      assert.equal(
        bound.used,
        held.reduce((sum, one) => sum + one, 0),
      )
      assert.ok(bound.allows(0, 1))
    }),
  )
})
