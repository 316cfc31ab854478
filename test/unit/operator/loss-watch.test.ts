/** What was lost and rejected in the last minute. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { OutcomeTotals } from '../../../src/channels/ledger/outcome-totals.ts'
import { LossWatch } from '../../../src/operator/loss-watch.ts'
import { ChannelSetRig } from '../../support/channels/channel-set-rig.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const NOTHING: OutcomeTotals = { refused: new Map(), destinations: [] }

function watchTotals(t: TestContext, totals = NOTHING) {
  const clock = new ManualClock()
  const state = { totals, deadLettersLost: 0 }
  const { hits } = new ChannelSetRig().set
  const watch = new LossWatch({
    channels: { outcomes: () => state.totals, hits },
    clock,
    deadLettersLost: () => state.deadLettersLost,
  })
  watch.start()
  t.after(() => watch.stop())
  return { clock, state, hits, watch }
}

function destination(name: string, delivered: number, rejected: number, dropped = {}) {
  const drops = new Map(Object.entries<number>(dropped))
  return { destination: name, delivered, rejected, dropped: drops }
}

test('losses are those of the primary destination, and what further ones missed comes beside them', (t) => {
  const { state, hits, watch } = watchTotals(t, {
    refused: new Map([['QueueFull', 10]]),
    destinations: [destination('first', 3, 1, { QueueFull: 1 }), destination('second', 0, 1)],
  })
  for (let n = 0; n < 6; n += 1) hits.withhold('ChannelLimit')

  state.totals = {
    refused: new Map([
      ['QueueFull', 11],
      ['StorageFull', 3],
    ]),
    destinations: [
      destination('first', 8, 8, { QueueFull: 3 }),
      destination('second', 0, 5, { QueueFull: 2, MessageExpired: 1 }),
    ],
  }
  state.deadLettersLost = 9

  const { outcomes, ...losses } = watch.recent()
  assert.deepEqual(losses.dropped, { QueueFull: 3, StorageFull: 3 })
  assert.deepEqual(losses.withheld, { ChannelLimit: 6 })
  assert.deepEqual(losses.deadLettersLost, 9)
  assert.deepEqual(
    losses.droppedForOthers.map((one) => [one.destination, one.dropped]),
    [['second', { QueueFull: 2, MessageExpired: 1 }]],
  )
  assert.deepEqual(
    outcomes.map((one) => [one.destination, one.delivered, one.rejected]),
    [
      ['first', 5, 7],
      ['second', 0, 4],
    ],
  )
})

test('a message that was dropped for two destinations is one lost message', async (t) => {
  const bounds = { maxBacklogMessages: 1, dropBehavior: 'DROP_OLDEST' } as const
  const rig = new ChannelSetRig({ cursorNames: ['first', 'second'], bounds })
  await rig.set.open()
  const watch = new LossWatch({ channels: rig.set, clock: rig.clock, deadLettersLost: () => 0 })
  watch.start()
  t.after(() => watch.stop())

  for (const id of ['a', 'b', 'c']) rig.offer('c', id)

  const { dropped, droppedForOthers } = watch.recent()
  assert.deepEqual(dropped, { QueueFull: 2 })
  assert.deepEqual(
    droppedForOthers.map((one) => [one.destination, one.dropped]),
    [['second', { QueueFull: 2 }]],
  )
})

test('a loss counts for a minute', (t) => {
  const { clock, state, watch } = watchTotals(t)
  state.totals = { refused: new Map([['QueueFull', 2]]), destinations: [] }
  const seen: boolean[] = []

  for (let seconds = 0; seconds <= 65; seconds += 5) {
    seen.push('QueueFull' in watch.recent().dropped)
    clock.advance(5_000)
  }

  assert.equal(seen[0], true)
  assert.equal(seen.at(-1), false)
  const lastedS = 5 * seen.lastIndexOf(true)
  assert.ok(lastedS >= 50 && lastedS <= 60, `${lastedS} s`)
})

test('without a destination nothing is delivered or rejected', async () => {
  const rig = new ChannelSetRig({ cursorNames: [] })
  await rig.set.open()
  rig.offer('c', 'a')
  await rig.set.flush()
  const watch = new LossWatch({ channels: rig.set, clock: rig.clock, deadLettersLost: () => 0 })

  assert.deepEqual(watch.recent().outcomes, [])
})
