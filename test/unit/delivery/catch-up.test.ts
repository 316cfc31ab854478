/** The order of sending after an outage. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectorError } from '../../../src/errors.ts'
import { ChannelSetRig, offerAndCommit } from '../../support/channels/channel-set-rig.ts'
import { deliver } from '../../support/channels/deliver.ts'
import { PatientDestination } from '../../support/destinations/patient-destination.ts'
import { settled } from '../../support/settled.ts'

test('live-first sends new messages before the backlog, and each of the two in its order', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offerAndCommit(rig, ['b1', 'b2', 'b3', 'b4', 'b5'])
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination, { catchUp: { order: 'live-first' } })
  t.after(() => delivery.close())
  delivery.start()
  await settled()

  await offerAndCommit(rig, ['l1', 'l2', 'l3'])
  for (let i = 0; i < 5; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [['b1', 'b2'], ['l1', 'l2'], ['l3'], ['b3', 'b4'], ['b5']])
  assert.equal(rig.ledger('c').delivered, 8)
})

test('after a failure live-first draws the line again', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offerAndCommit(rig, ['b1', 'b2'])
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination, { catchUp: { order: 'live-first' } })
  t.after(() => delivery.close())
  delivery.start()
  await settled()

  await offerAndCommit(rig, ['b3'])
  await destination.answer(new ConnectorError('DestinationUnavailable', 'away'))
  rig.clock.advance(60_000)
  await settled()
  await offerAndCommit(rig, ['l1'])
  for (let i = 0; i < 3; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [['b1', 'b2'], ['b1', 'b2'], ['l1'], ['b3']])
})

test('backlog-first, the default, keeps the order of arrival', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offerAndCommit(rig, ['b1', 'b2', 'b3'])
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination)
  t.after(() => delivery.close())
  delivery.start()
  await settled()

  await offerAndCommit(rig, ['l1'])
  for (let i = 0; i < 2; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [
    ['b1', 'b2'],
    ['b3', 'l1'],
  ])
})
