/** What was lost and rejected in the last minute. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ChannelLedger } from '../../../src/channels/ledger/ledger.ts'
import { LossWatch } from '../../../src/operator/loss-watch.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const NOTHING = {
  delivered: 0,
  rejected: 0,
  dropped: {},
  expired: 0,
  waiting: 0,
  inFlight: 0,
}

function watchLedger(t: TestContext, { primary }: { primary?: string } = { primary: 'first' }) {
  const clock = new ManualClock()
  const state = { ledger: [] as ChannelLedger[], deadLettersLost: 0 }
  const withheld = new Map<string, number>()
  const watch = new LossWatch({
    channels: { ledger: () => state.ledger, withheld },
    clock,
    primary,
    deadLettersLost: () => state.deadLettersLost,
  })
  watch.start()
  t.after(() => watch.stop())
  return { clock, state, withheld, watch }
}

function channel(name: string, change: Partial<ChannelLedger>): ChannelLedger {
  const fixed = { channel: name, received: 0, bytes: 0, oldestWaitingAt: undefined, readers: {} }
  return { ...fixed, ...NOTHING, ...change }
}

test('losses of all channels and destinations are added up', (t) => {
  const { state, withheld, watch } = watchLedger(t)
  withheld.set('ChannelLimit', 6)
  const readers = { second: { ...NOTHING, rejected: 4, expired: 1 } }

  state.ledger = [
    channel('a', { dropped: { QueueFull: 2 }, delivered: 5, readers }),
    channel('b', { dropped: { QueueFull: 1, StorageFull: 3 }, rejected: 7 }),
  ]
  state.deadLettersLost = 9

  assert.deepEqual(watch.recent(), {
    dropped: { QueueFull: 3, StorageFull: 3, MessageExpired: 1 },
    withheld: { ChannelLimit: 6 },
    deadLettersLost: 9,
    outcomes: [
      { destination: 'first', delivered: 5, rejected: 7 },
      { destination: 'second', delivered: 0, rejected: 4 },
    ],
  })
})

test('a loss counts for a minute', (t) => {
  const { clock, state, watch } = watchLedger(t)
  state.ledger = [channel('a', { dropped: { QueueFull: 2 } })]
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

test('without a destination nothing is delivered or rejected', (t) => {
  const { state, watch } = watchLedger(t, {})
  state.ledger = [channel('a', { delivered: 5 })]

  assert.deepEqual(watch.recent().outcomes, [])
})
