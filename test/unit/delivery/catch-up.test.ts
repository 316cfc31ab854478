/** The order of sending after an outage. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noReceipts } from '../../../src/delivery/batch-receipts.ts'
import { DestinationDelivery } from '../../../src/delivery/destination-delivery.ts'
import type { Destination } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import { ChannelSetRig } from '../../support/channels/channel-set-rig.ts'
import { PatientDestination } from '../../support/destinations/patient-destination.ts'
import { settled } from '../../support/settled.ts'

function deliver(rig: ChannelSetRig, destination: Destination, options = {}) {
  return new DestinationDelivery({
    destination,
    channels: rig.set,
    batchMessages: 2,
    publishIntervalMs: 0,
    maxInFlightBatches: 1,
    receipts: noReceipts,
    observer: silentObserver,
    clock: rig.clock,
    random: () => 0.5,
    ...options,
  })
}

async function offer(rig: ChannelSetRig, ...ids: string[]): Promise<void> {
  for (const id of ids) rig.offer('c', id)
  await rig.set.flush()
}

test('live-first sends new messages before the backlog, and each of the two in its order', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offer(rig, 'b1', 'b2', 'b3', 'b4', 'b5')
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination, { catchUp: { order: 'live-first' } })
  t.after(() => delivery.close())
  delivery.start()
  await settled()

  await offer(rig, 'l1', 'l2', 'l3')
  for (let i = 0; i < 5; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [['b1', 'b2'], ['l1', 'l2'], ['l3'], ['b3', 'b4'], ['b5']])
  assert.equal(rig.ledger('c').delivered, 8)
})

test('after a failure live-first draws the line again', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offer(rig, 'b1', 'b2')
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination, { catchUp: { order: 'live-first' } })
  t.after(() => delivery.close())
  delivery.start()
  await settled()

  await offer(rig, 'b3')
  await destination.answer(new ConnectorError('DestinationUnavailable', 'away'))
  rig.clock.advance(60_000)
  await settled()
  await offer(rig, 'l1')
  for (let i = 0; i < 3; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [['b1', 'b2'], ['b1', 'b2'], ['l1'], ['b3']])
})

test('backlog-first, the default, keeps the order of arrival', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offer(rig, 'b1', 'b2', 'b3')
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination)
  t.after(() => delivery.close())
  delivery.start()
  await settled()

  await offer(rig, 'l1')
  for (let i = 0; i < 2; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [
    ['b1', 'b2'],
    ['b3', 'l1'],
  ])
})
