/** How long an outage can last before messages are lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText, outageForecast } from '../../../../src/channels/ledger/outage-forecast.ts'
import { OutageWatch } from '../../../../src/operator/outage-watch.ts'
import { ChannelSetRig } from '../../../support/channels/channel-set-rig.ts'

const sample = (at: number, takenBytes: number, stored: Record<string, number>) => ({
  at,
  takenBytes,
  stored: new Map(Object.entries(stored)),
})
const room = (channel: string, change = {}) => ({
  channel,
  backlog: 0,
  maxBacklog: Number.POSITIVE_INFINITY,
  maxAgeMs: undefined,
  oldestAgeMs: 0,
  ...change,
})
const DISK = { freeBytes: 1_000_000, bound: 'storage.maxBytes' } as const

test('the room of all channels is shared at the rate of all', () => {
  const rows = outageForecast(
    sample(0, 0, {}),
    sample(10_000, 1_000, { a: 5, b: 5, idle: 0 }),
    DISK,
    [room('a'), room('b'), room('idle')],
  )

  assert.deepEqual(rows, [
    { channel: 'a', seconds: 10_000, bound: 'storage.maxBytes' },
    { channel: 'b', seconds: 10_000, bound: 'storage.maxBytes' },
  ])
})

test('the limit that is met first counts: queue size, age or room', () => {
  const rows = outageForecast(
    sample(0, 0, { a: 100 }),
    sample(10_000, 1_000, { a: 110, b: 10, c: 10 }),
    DISK,
    [
      room('a', { backlog: 20, maxBacklog: 100 }),
      room('b', { maxAgeMs: 60_000, oldestAgeMs: 15_000 }),
      room('c', { maxAgeMs: 60_000, oldestAgeMs: 90_000 }),
    ],
  )

  assert.deepEqual(rows, [
    { channel: 'a', seconds: 80, bound: 'IotAnalyticsQueueSizePerChannel' },
    { channel: 'b', seconds: 45, bound: 'maxAge' },
    { channel: 'c', seconds: 0, bound: 'maxAge' },
  ])
})

test('durations are rounded down', () => {
  const texts = [0, 119.9, 120, 7_199, 7_200, 71.9 * 3_600, 72 * 3_600].map(durationText)

  assert.deepEqual(texts, ['0 s', '119 s', '2 min', '119 min', '2 h', '71 h', '3 days'])
})

test('the watch counts the messages since its earliest sample', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  const watch = new OutageWatch({
    channels: rig.set,
    clock: rig.clock,
    maxBacklogMessages: 100,
    rulesFor: () => ({}),
    takenBytes: () => 0,
    room: () => ({ freeBytes: 1_000_000, bound: 'MemorySize' }),
  })
  t.after(() => watch.stop())
  watch.start()

  for (let i = 0; i < 10; i += 1) rig.offer('c', `m${i}`)
  await rig.set.flush()
  const atOnce = watch.forecast()
  rig.clock.advance(10_000)

  assert.deepEqual(atOnce, [], 'without messages there is no rate')
  assert.deepEqual(watch.forecast(), [
    { channel: 'c', seconds: 90, bound: 'IotAnalyticsQueueSizePerChannel' },
  ])
  rig.clock.advance(400_000)
  assert.deepEqual(watch.forecast(), [], 'nothing came in the last minutes')
})
