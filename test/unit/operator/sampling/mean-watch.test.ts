import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MeanWatch, rateOf } from '../../../../src/operator/sampling/mean-watch.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

function watchOf() {
  const clock = new ManualClock()
  const state = { count: 0, reads: 0 }
  const watch = new MeanWatch({
    clock,
    take: () => {
      state.reads += 1
      return state.count
    },
  })
  const rate = () => {
    const { before, now, seconds } = watch.means()
    return rateOf(before, now, seconds)
  }
  return { clock, state, watch, rate }
}

test('the first question is answered with the rate of the last 10 to 20 s', () => {
  const { clock, state, watch, rate } = watchOf()
  for (let second = 0; second <= 115; second += 1) {
    if (second % 10 === 0) watch.sample()
    clock.advance(1_000)
    state.count += 7
  }

  assert.equal(rate(), 7)
})

test('while somebody asks once a second, a rate is the mean of 10 s', () => {
  const { clock, state, watch, rate } = watchOf()
  watch.sample()
  const rates: number[] = []
  for (let second = 1; second <= 40; second += 1) {
    clock.advance(1_000)
    if (second <= 20) state.count += 100
    if (second % 10 === 0) watch.sample()
    rates.push(rate())
  }

  assert.equal(rates[19], 100)
  assert.equal(rates[24], 50)
  assert.equal(rates[29], 0)
})

test('a message in the first second is no rate of thousands', () => {
  const { clock, state, watch, rate } = watchOf()
  watch.sample()
  clock.advance(1)
  state.count += 1

  assert.equal(rate(), 1)
})

test('questions in quick succession keep no samples', () => {
  const { clock, watch } = watchOf()
  watch.sample()
  clock.advance(10_000)
  for (let i = 0; i < 10_000; i += 1) watch.means()

  clock.advance(20_000)
  const { seconds } = watch.means()

  assert.equal(seconds, 20)
})

test('a counter that began again counts from 0', () => {
  assert.equal(rateOf(100, 30, 10), 3)
})
