import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogRate } from '../../../../src/analytics/pipelines/functions/log-rate.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

test('a function that prints without end logs some lines a second, and how many are left out', () => {
  const clock = new ManualClock()
  const lines: string[] = []
  const rate = new LogRate({ clock, write: (source, line) => lines.push(`${source}: ${line}`) })

  for (let n = 0; n < 1_000; n++) rate.log('loud', `line ${n}`)
  rate.log('quiet', 'one line')
  assert.equal(lines.length, 21)
  assert.deepEqual(lines.slice(-2), ['loud: line 19', 'quiet: one line'])
  clock.advance(1_000)
  rate.log('loud', 'line 1000')

  assert.deepEqual(lines.slice(21), ['loud: 980 more lines within a second', 'loud: line 1000'])
})
