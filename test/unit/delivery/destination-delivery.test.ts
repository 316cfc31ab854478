/** All channels' deliveries to one destination, and two destinations beside each other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import { ChannelSetRig, idsOf, offerAndCommit } from '../../support/channels/channel-set-rig.ts'
import { deliver } from '../../support/channels/deliver.ts'
import { makeBatchRule } from '../../support/destinations/batch-rule.ts'
import { PatientDestination } from '../../support/destinations/patient-destination.ts'
import { settled } from '../../support/settled.ts'

/** Can't be opened until the test says so, and remembers whether it was closed. */
class ClosedDestination extends PatientDestination {
  failure: Error | undefined = new ConnectorError('DestinationUnavailable', 'no credentials')
  isClosed = false

  override async open(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
  }

  override async close(): Promise<void> {
    this.isClosed = true
  }
}

test('a destination that can’t be opened yet is tried again, and then gets all waiting messages', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offerAndCommit(rig, ['a', 'b'])
  const destination = new ClosedDestination('primary')
  const retries: number[] = []
  const observer = {
    ...silentObserver,
    batchRetried: (_c: string, _d: string, _e: ConnectorError, delayMs: number) =>
      void retries.push(delayMs),
  }
  destination.batchRule = makeBatchRule({ intervalMs: 1_000 })
  const delivery = deliver(rig, destination, { observer, random: () => 1 })
  t.after(() => delivery.close())
  delivery.start()
  await settled()
  const problem = delivery.problem
  rig.clock.advance(1_000)
  await settled()
  destination.failure = undefined
  rig.clock.advance(2_000)
  await settled()

  assert.match(problem ?? '', /^primary can't be opened: no credentials/)
  assert.deepEqual(retries, [1_000, 2_000])
  assert.equal(delivery.problem, undefined)
  assert.deepEqual(destination.batches, [['a', 'b']])
})

test('the problem names the destination, the number of channels and the first reason', async (t) => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  for (const channel of ['c', 'd']) rig.offer(channel, 'a')
  await rig.set.flush()
  const destination = new PatientDestination('primary')
  const delivery = deliver(rig, destination)
  t.after(() => delivery.close())
  delivery.start()
  await settled()

  await destination.answer(new ConnectorError('DestinationUnavailable', 'away'))
  const ofOne = delivery.problem
  await destination.answer(new ConnectorError('DestinationUnavailable', 'away'))
  const ofTwo = delivery.problem

  assert.match(ofOne ?? '', /^primary .* 1 channel: away/)
  assert.match(ofTwo ?? '', /^primary .* 2 channels: away/)
})

test('closing ends batches under way, keeps their messages, and closes the destination once', async () => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  await offerAndCommit(rig, ['a'])
  const destination = new ClosedDestination('primary')
  destination.failure = undefined
  const delivery = deliver(rig, destination)
  delivery.start()
  await settled()

  await Promise.all([delivery.close(), delivery.close()])
  await offerAndCommit(rig, ['b'])
  await settled()

  assert.deepEqual(destination.batches, [['a']])
  assert.equal(destination.isClosed, true)
  assert.equal(rig.ledger('c').waiting, 2)
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
  const catchUp = { order: 'backlog-first', maxMessagesPerSecond: 2 } as const
  const delivery = deliver(rig, destination, { catchUp })
  t.after(() => delivery.close())
  delivery.start()

  const sentAfter: number[] = []
  for (let second = 0; second <= 5; second += 1) {
    await settled()
    for (let i = 0; i < 4; i += 1) await destination.answer()
    sentAfter.push(destination.batches.flat().length)
    for (let i = 0; i < 10; i += 1) {
      rig.clock.advance(100)
      await settled()
    }
  }

  assert.deepEqual(sentAfter, [2, 4, 6, 8, 10, 12])
})

test('a destination that hangs delays neither the other nor its receipts', async (t) => {
  const rig = new ChannelSetRig({ cursorNames: ['primary', 'archive'] })
  await rig.set.open()
  const primary = new PatientDestination('primary')
  const archive = new PatientDestination('archive')
  const reported: string[] = []
  const receipts = {
    isListening: true,
    settled: (messages: Batch['messages']) => void reported.push(...idsOf(messages)),
    leftOut() {},
  }
  const deliveries = [deliver(rig, primary, { receipts: () => receipts }), deliver(rig, archive)]
  t.after(() => Promise.all(deliveries.map((delivery) => delivery.close())))
  for (const delivery of deliveries) delivery.start()

  await offerAndCommit(rig, ['m1', 'm2', 'm3'])
  for (let i = 0; i < 3; i += 1) await primary.answer()

  assert.deepEqual(reported, ['m1', 'm2', 'm3'])
  assert.deepEqual(archive.batches, [['m1', 'm2']], 'still under way')
  const { delivered, waiting, readers } = rig.ledger('c')
  assert.deepEqual({ delivered, waiting }, { delivered: 3, waiting: 0 })
  assert.equal(readers['archive']?.waiting, 1)
  for (let i = 0; i < 2; i += 1) await archive.answer()
  assert.equal(rig.ledger('c').readers['archive']?.delivered, 3)
})
