import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  PendingAcknowledgements,
  PUBACK,
  PUBREC,
} from '../../../../src/sources/mqtt-client/pending-acknowledgements.ts'

test('acknowledgements are released in the order of their messages, for completed cycles', () => {
  const pending = new PendingAcknowledgements(false)
  pending.add({ cycle: 7, type: PUBACK, packetId: 1, reasonCode: 0 })
  pending.add({ cycle: 7, type: PUBREC, packetId: 0x1234, reasonCode: 0 })
  pending.add({ cycle: 8, type: PUBACK, packetId: 3, reasonCode: 0 })

  assert.equal(pending.release(6).length, 0)
  assert.equal(pending.release(7).toString('hex'), '40020001' + '50021234')
  assert.equal(pending.count, 1)
  assert.equal(pending.newestCycle, 8)
  assert.equal(pending.release(9).toString('hex'), '40020003')
  assert.equal(pending.newestCycle, -1)
})

test('reason codes are sent only in MQTT 5', () => {
  const five = new PendingAcknowledgements(true)
  const four = new PendingAcknowledgements(false)
  for (const pending of [five, four]) {
    pending.add({ cycle: 1, type: PUBACK, packetId: 1, reasonCode: 0x99 })
    pending.add({ cycle: 1, type: PUBACK, packetId: 2, reasonCode: 0 })
    pending.add({ cycle: 2, type: PUBACK, packetId: 3, reasonCode: 0 })
  }

  assert.equal(five.release(2).toString('hex'), '4003000199' + '40020002' + '40020003')
  assert.equal(four.release(2).toString('hex'), '40020001' + '40020002' + '40020003')
})
