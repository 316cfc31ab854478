/** What goes first after an outage, how fast, and that one destination never waits for another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttemptTrail } from '../../../src/delivery/attempt-trail.ts'
import { noReceipts } from '../../../src/delivery/batch-receipts.ts'
import { DestinationDelivery } from '../../../src/delivery/destination-delivery.ts'
import type { Batch, BatchOutcome, Destination } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import { ChannelSetRig, idsOf } from '../../support/channels/channel-set-rig.ts'

/** Takes one batch at a time, when the test says so. */
class PatientDestination implements Destination {
  readonly name: string
  readonly description = 'waits for the test'
  readonly maxBatchMessages = 100
  readonly maxBatchBytes = 1_000_000
  readonly batches: string[][] = []
  readonly #open: ((failure?: ConnectorError) => void)[] = []

  constructor(name: string) {
    this.name = name
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    this.batches.push(idsOf(batch.messages))
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      this.#open.push((failure) =>
        failure === undefined ? resolve({ rejected: [], kept: [] }) : reject(failure),
      )
    })
  }

  async answer(failure?: ConnectorError): Promise<void> {
    this.#open.shift()?.(failure)
    await turns()
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

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

test('live-first sends what arrives before the backlog, and each of the two in its order', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offer(rig, 'b1', 'b2', 'b3', 'b4', 'b5')
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination, { catchUp: { order: 'live-first' } })
  t.after(() => delivery.close())
  delivery.start()
  await turns()

  await offer(rig, 'l1', 'l2', 'l3')
  for (let i = 0; i < 5; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [['b1', 'b2'], ['l1', 'l2'], ['l3'], ['b3', 'b4'], ['b5']])
  assert.equal(rig.ledger('c').delivered, 8)
})

test('after a failure live-first draws the line anew', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offer(rig, 'b1', 'b2')
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination, { catchUp: { order: 'live-first' } })
  t.after(() => delivery.close())
  delivery.start()
  await turns()

  await offer(rig, 'b3')
  await destination.answer(new ConnectorError('DestinationUnavailable', 'away'))
  rig.clock.advance(60_000)
  await turns()
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
  await turns()

  await offer(rig, 'l1')
  for (let i = 0; i < 2; i += 1) await destination.answer()

  assert.deepEqual(destination.batches, [
    ['b1', 'b2'],
    ['b3', 'l1'],
  ])
})

test('a rate cap holds over all channels of the destination', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  for (let i = 0; i < 6; i += 1) {
    rig.offer('a', `a${i}`)
    rig.offer('b', `b${i}`)
  }
  await rig.set.flush()
  const destination = new PatientDestination('primary')
  const catchUp = { order: 'backlog-first', maxMessagesPerSecond: 2 }
  const delivery = deliver(rig, destination, { catchUp })
  t.after(() => delivery.close())
  delivery.start()

  const sentAfter: number[] = []
  for (let second = 0; second <= 5; second += 1) {
    await turns()
    for (let i = 0; i < 4; i += 1) await destination.answer()
    sentAfter.push(destination.batches.flat().length)
    for (let i = 0; i < 10; i += 1) {
      rig.clock.advance(100)
      await turns()
    }
  }

  assert.deepEqual(sentAfter, [2, 4, 6, 8, 10, 12])
})

test('a destination that hangs delays neither the other nor its receipts', async (t) => {
  const rig = new ChannelSetRig({ cursorNames: ['primary', 'archive'] })
  await rig.set.open()
  const primary = new PatientDestination('primary')
  const archive = new PatientDestination('archive')
  const told: string[] = []
  const receipts = {
    settled: (messages: Batch['messages']) => void told.push(...idsOf(messages)),
  }
  const deliveries = [deliver(rig, primary, { receipts }), deliver(rig, archive)]
  t.after(() => Promise.all(deliveries.map((delivery) => delivery.close())))
  for (const delivery of deliveries) delivery.start()

  await offer(rig, 'm1', 'm2', 'm3')
  for (let i = 0; i < 3; i += 1) await primary.answer()

  assert.deepEqual(told, ['m1', 'm2', 'm3'])
  assert.deepEqual(archive.batches, [['m1', 'm2']], 'still under way')
  const { delivered, waiting, readers } = rig.ledger('c')
  assert.deepEqual({ delivered, waiting }, { delivered: 3, waiting: 0 })
  assert.equal(readers['archive']?.waiting, 1)
  for (let i = 0; i < 2; i += 1) await archive.answer()
  assert.equal(rig.ledger('c').readers['archive']?.delivered, 3)
})

test('the trail tells each attempt with a message, and forgets the oldest batches', () => {
  const trail = new AttemptTrail(3)
  const batch = (offsets: number[], end: BatchOutcome | { error: string; message: string }) => ({
    channel: 'c',
    at: offsets[0] ?? 0,
    durationMs: 5,
    messages: offsets.map((offset) => ({
      offset,
      receivedAt: 0,
      topic: 't',
      senderId: undefined,
      messageId: String(offset),
      payload: Buffer.alloc(0),
      reply: undefined,
    })),
    end,
  })
  const refusal = { error: 'TooBad', message: 'never' }
  const away = { error: 'DestinationUnavailable', message: 'away' }

  trail.note(batch([1, 2, 3], { rejected: [], kept: [] }))
  trail.note(batch([4, 6, 9], away))
  trail.note(batch([4, 6, 9], { rejected: [{ index: 1, refusal }], kept: [2] }))
  const results = (offset: number) => trail.of('c', offset).map((one) => one.result)

  assert.deepEqual(results(2), ['accepted'])
  assert.deepEqual(results(4), ['kept', 'accepted'])
  assert.deepEqual(results(5), [])
  assert.deepEqual(results(6), ['kept', 'rejected'])
  assert.deepEqual(trail.of('c', 6)[1]?.refusal, refusal)
  assert.deepEqual(results(9), ['kept', 'kept'])
  trail.note(batch([10], { rejected: [], kept: [] }))
  assert.deepEqual(results(2), [])
  assert.deepEqual(trail.of('other', 10), [])
})
