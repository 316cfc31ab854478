/** How long an outage would be borne, and what storage's troubles are called. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storageStateOf } from '../../../../src/channels/commit/storage-health.ts'
import { durationText, outageForecast } from '../../../../src/channels/ledger/outage-forecast.ts'
import { ConnectorError } from '../../../../src/errors.ts'
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

test('the bound that is met first counts: queue size, age or room', () => {
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

test('the watch goes by what came in since its earliest look', async (t) => {
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

  assert.deepEqual(atOnce, [], 'no rate is told from nothing')
  assert.deepEqual(watch.forecast(), [
    { channel: 'c', seconds: 90, bound: 'IotAnalyticsQueueSizePerChannel' },
  ])
  rig.clock.advance(400_000)
  assert.deepEqual(watch.forecast(), [], 'nothing came in the last minutes')
})

for (const [code, name] of [
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EROFS', 'read-only'],
  ['EACCES', 'no-access'],
  ['EIO', 'io-error'],
  ['EMFILE', 'failing'],
] as const) {
  test(`${code} makes storage ${name}, with what to do about it`, () => {
    const system = Object.assign(new Error(code), { code })
    const wrapped = new Error('writing a segment', { cause: system })

    const state = storageStateOf(new ConnectorError('StorageFailed', 'no', { cause: wrapped }))

    assert.equal(state.name, name)
    assert.match(state.advice, /\.$/)
  })
}
