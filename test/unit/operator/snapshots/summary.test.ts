import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SummaryFacts, summaryOf } from '../../../../src/operator/snapshots/summary.ts'

const WELL: SummaryFacts = {
  level: 'ok',
  text: 'running',
  lost: { hour: 0, total: 312, code: 'QueueFull' },
  outageLeft: { seconds: 41 * 3600, bound: 'storage.maxBytes', channel: 'line_1' },
  isDelivering: true,
  names: ['archive'],
}

test('while nothing is wrong, one sentence says so', () => {
  assert.equal(summaryOf(WELL), 'Everything works.')
})

test('a destination that is away: nothing is lost, and how long there is room', () => {
  const text = 'archive away for 24 s'

  assert.equal(
    summaryOf({ ...WELL, level: 'warning', text, isDelivering: false }),
    'archive away for 24 s. Nothing is lost. 41 h left until storage.maxBytes.',
  )
})

test('losses of the last hour are counted, with the commonest reason', () => {
  const lost = { hour: 1204, total: 2000, code: 'QueueFull' }
  const one = { hour: 1, total: 1, code: null }

  assert.equal(
    summaryOf({ ...WELL, level: 'critical', text: 'losing messages', lost }),
    'Losing messages. 1,204 messages were lost in the last hour (QueueFull).',
  )
  assert.equal(
    summaryOf({ ...WELL, lost: one }),
    'Everything works. 1 message was lost in the last hour.',
  )
})
