import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelCounts, Counts } from '../../../../src/operator/sampling/counters.ts'
import { LastHour } from '../../../../src/operator/sampling/last-hour.ts'

const NONE: ChannelCounts = { received: 0, stored: 0, delivered: 0, waiting: 0 }

function counts(received: number, names: readonly string[] = ['pumps']): Counts {
  const total = { received, stored: received, delivered: 0, waiting: received }
  const channels = new Map(names.map((name) => [name, total]))
  return { total, channels, destinations: new Map(), sources: new Map() }
}

test('the last hour has a point for every 10 s, the newest last, and forgets older ones', () => {
  const hour = new LastHour(() => NONE)
  for (let step = 0; step <= 400; step += 1) hour.add(counts(step * step), step * 10_000, 10)

  const history = hour.history()

  assert.equal(history.in.length, 360)
  assert.equal(history.waiting.at(-1), 400 * 400)
  assert.equal(history.in.at(-1), (400 * 400 - 399 * 399) / 10)
  assert.equal(history.waiting[0], 41 * 41)
  assert.equal(history.from, new Date(41 * 10_000).toISOString())
  assert.deepEqual(hour.channelHistory('pumps'), history)
})

test('of more than 256 channels the later ones have no line, and cost nothing', () => {
  const names = Array.from({ length: 300 }, (_, index) => `c${index}`)
  const hour = new LastHour(() => NONE)
  hour.add(counts(0, names), 0, 10)
  hour.add(counts(1, names), 10_000, 10)

  assert.equal(hour.channelHistory('c255')?.in.length, 1)
  assert.equal(hour.channelHistory('c256'), undefined)
})

test('a channel that is found later begins with what it had counted then', () => {
  const hour = new LastHour(() => ({ ...NONE, received: 1_000_000 }))
  hour.add(counts(0, []), 0, 10)
  hour.add(counts(1_000_010, ['old']), 10_000, 10)

  assert.deepEqual(hour.channelHistory('old')?.in, [1])
})
