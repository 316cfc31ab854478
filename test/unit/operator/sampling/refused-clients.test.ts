import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedClients } from '../../../../src/operator/sampling/refused-clients.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

test('the same client refused for the same reason is one row, whatever its port, and comes first again', () => {
  const clock = new ManualClock()
  const refused = new RefusedClients(clock)
  refused.note('mqttServer', '10.0.0.7:5001', 'user unknown')
  clock.advance(1_000)
  refused.note('http', '10.0.0.8:6000', 'no certificate')
  clock.advance(1_000)
  refused.note('mqttServer', '10.0.0.7:5002', 'user unknown')

  const [first, second] = refused.list()

  assert.deepEqual([first?.who, first?.times, first?.at], ['10.0.0.7', 2, clock.now()])
  assert.equal(second?.who, '10.0.0.8 (HTTP)')
  assert.equal(refused.newest, refused.list()[0])
})

test('names that steer a terminal, and long ones, are shown cut and escaped, and at most 50 are kept', () => {
  const refused = new RefusedClients(new ManualClock())
  const client = { clientId: `\u001b[31m${'x'.repeat(60_000)}`, userName: 'ann' }
  refused.note('mqttServer', '10.0.0.7:1', 'y'.repeat(60_000), client)
  const [hostile] = refused.list()
  for (let i = 0; i < 10_000; i += 1)
    refused.note('mqttServer', `10.0.${i >> 8}.${i & 255}:1`, 'no')

  assert.ok((hostile?.who.length ?? 0) < 300)
  assert.ok((hostile?.reason.length ?? 0) < 600)
  assert.equal(hostile?.who.includes('\u001b'), false)
  assert.equal(refused.list().length, 50)
})
