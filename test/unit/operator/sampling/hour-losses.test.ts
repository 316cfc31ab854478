import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutcomeTotals } from '../../../../src/channels/ledger/outcome-totals.ts'
import { HourLosses } from '../../../../src/operator/sampling/hour-losses.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const MINUTE_MS = 60_000

test('a message that several destinations have lost counts once, and what the settings leave out does not', () => {
  const totals: OutcomeTotals = {
    refused: new Map([['QueueFull', 3]]),
    destinations: [
      { destination: 'a', delivered: 0, rejected: 2, dropped: new Map([['MessageExpired', 5]]) },
      {
        destination: 'b',
        delivered: 0,
        rejected: 1,
        dropped: new Map([
          ['MessageExpired', 7],
          ['NotSelected', 100],
        ]),
      },
    ],
  }
  const losses = new HourLosses(() => totals, new ManualClock())

  assert.deepEqual([...losses.recent()].sort(), [
    ['MessageExpired', 7],
    ['QueueFull', 3],
    ['rejected', 2],
  ])
})

test('a loss counts for an hour', (t) => {
  const clock = new ManualClock()
  const refused = new Map<string, number>()
  const losses = new HourLosses(() => ({ refused, destinations: [] }), clock)
  losses.start()
  t.after(() => losses.stop())

  clock.advance(MINUTE_MS)
  refused.set('QueueFull', 4)
  clock.advance(30 * MINUTE_MS)
  const within = losses.recent().get('QueueFull')
  clock.advance(31 * MINUTE_MS)

  assert.equal(within, 4)
  assert.equal(losses.recent().get('QueueFull'), undefined)
})
