/** Batches too large for memory, whose boundaries are the same after a crash. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Message } from '../../../src/message.ts'
import {
  ledgerGap,
  offerAndCommit,
  openRig,
  type RigOptions,
} from '../../support/channels/channel-set-rig.ts'
import { deliver } from '../../support/channels/deliver.ts'
import { makeBatchRule } from '../../support/destinations/batch-rule.ts'
import { InMemorySpoolingDestination } from '../../support/destinations/spooling-destination.ts'
import { FakeDisk } from '../../support/disk/fake-log-store.ts'
import { settled } from '../../support/settled.ts'

async function startDelivery(
  t: TestContext,
  destination: InMemorySpoolingDestination,
  options: RigOptions & Parameters<typeof deliver>[2] = {},
) {
  const rig = await openRig(options)
  const delivery = deliver(rig, destination, options)
  t.after(() => delivery.close())
  delivery.start()
  await settled()
  return { rig, delivery }
}

test('messages go to objects in order, and all are settled', async (t) => {
  const destination = new InMemorySpoolingDestination('primary')
  const { rig } = await startDelivery(t, destination, { disk: new FakeDisk() })

  await offerAndCommit(rig, ['a', 'b', 'c', 'd', 'e', 'f'])
  await settled()

  assert.deepEqual(destination.payloads, ['a', 'b', 'c', 'd', 'e', 'f'])
  assert.equal(destination.openSpools, 0)
  assert.equal(rig.ledger('c').delivered, 6)
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('an object ends where the destination says, for example at midnight', async (t) => {
  const destination = new InMemorySpoolingDestination('primary')
  destination.boundary = 'next day'
  destination.batchRule = makeBatchRule({ maxMessages: 6, intervalMs: 1_000, isPlanned: true })
  const { rig } = await startDelivery(t, destination, { disk: new FakeDisk() })

  await offerAndCommit(rig, ['a', 'b', 'next day', 'c', 'd', 'e'])
  rig.clock.advance(1_000)
  await settled()

  assert.deepEqual(
    [...destination.objects.values()],
    [
      ['a', 'b'],
      ['next day', 'c', 'd', 'e'],
    ],
  )
})

test('a batch that failed keeps its name and its messages, whatever has come since', async (t) => {
  const destination = new InMemorySpoolingDestination('primary')
  destination.failure = 'after'
  const { rig } = await startDelivery(t, destination, { disk: new FakeDisk(), random: () => 1 })
  await offerAndCommit(rig, ['a'])
  await settled()
  await offerAndCommit(rig, ['b', 'c'])
  destination.failure = undefined
  rig.clock.advance(60_000)
  await settled()

  const [first, again, ...rest] = destination.attempts
  assert.equal(first, again)
  assert.equal(rest.length, 1)
  assert.deepEqual(destination.payloads, ['a', 'b', 'c'])
  assert.equal(destination.openSpools, 0)
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('after a crash the batch under way is sent again under its name, with the same messages', async (t) => {
  const disk = new FakeDisk()
  const destination = new InMemorySpoolingDestination('primary')
  destination.failure = 'after'
  const before = await startDelivery(t, destination, { disk })
  await offerAndCommit(before.rig, ['a', 'b'])
  await settled()
  // Not known to be delivered, though the destination has it.
  await offerAndCommit(before.rig, ['c', 'd', 'e'])
  disk.crash()
  destination.failure = undefined

  const { rig } = await startDelivery(t, destination, { disk })
  await settled()

  assert.equal(destination.attempts[0], destination.attempts[1])
  assert.deepEqual(destination.payloads, ['a', 'b', 'c', 'd', 'e'])
  assert.equal(rig.ledger('c').waiting, 0)
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('the boundaries are on the medium before the first attempt', async (t) => {
  const disk = new FakeDisk()
  const destination = new InMemorySpoolingDestination('primary')
  const plans: unknown[] = []
  destination.onAttempt = () => {
    plans.push(disk.media.get('c')?.state?.cursors['primary']?.plan)
  }
  const { rig } = await startDelivery(t, destination, { disk })

  await offerAndCommit(rig, ['a', 'b', 'c'])
  await settled()

  assert.deepEqual(plans, [{ from: 0, to: 3 }])
})

test('while storage refuses the boundaries nothing is sent, and later all is', async (t) => {
  const disk = new FakeDisk()
  const destination = new InMemorySpoolingDestination('primary')
  destination.batchRule = makeBatchRule({ intervalMs: 1_000, maxMessages: 4, isPlanned: true })
  const { rig } = await startDelivery(t, destination, { disk, random: () => 1 })
  await offerAndCommit(rig, ['a', 'b'])
  disk.failure = 'ENOSPC'
  rig.clock.advance(1_000)
  await settled()
  const sentWhileFull = destination.attempts.length
  disk.failure = undefined
  rig.clock.advance(120_000)
  await settled()

  assert.equal(sentWhileFull, 0)
  assert.deepEqual(destination.payloads, ['a', 'b'])
})

test('a planned batch does not expire, because its bytes would change', async (t) => {
  const destination = new InMemorySpoolingDestination('primary')
  destination.failure = 'before'
  const options = { disk: new FakeDisk(), rules: { maxAgeMs: 1_000 }, random: () => 1 }
  const { rig } = await startDelivery(t, destination, options)
  await offerAndCommit(rig, ['a', 'b'])
  await settled()
  rig.clock.advance(120_000)
  await settled()
  destination.failure = undefined
  rig.clock.advance(600_000)
  await settled()

  assert.deepEqual(destination.payloads, ['a', 'b'])
  assert.deepEqual(rig.dropped, [])
})

test('the ledger adds up if a full queue drops messages of a batch that waits to be sent again', async (t) => {
  const destination = new InMemorySpoolingDestination('primary')
  destination.failure = 'before'
  const bounds = { maxBacklogMessages: 2, dropBehavior: 'DROP_OLDEST' } as const
  const { rig } = await startDelivery(t, destination, {
    disk: new FakeDisk(),
    random: () => 1,
    bounds,
  })
  await offerAndCommit(rig, ['a', 'b'])
  await settled()
  await offerAndCommit(rig, ['c'])
  destination.failure = undefined
  for (let i = 0; i < 5; i += 1) {
    rig.clock.advance(600_000)
    await settled()
  }

  const { delivered, dropped, waiting, inFlight } = rig.ledger('c')
  assert.deepEqual(
    { delivered, dropped, waiting, inFlight },
    {
      delivered: 2,
      dropped: { QueueFull: 1 },
      waiting: 0,
      inFlight: 0,
    },
  )
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('what a destination does not select is left out, in each attempt alike', async (t) => {
  const destination = new InMemorySpoolingDestination('primary')
  destination.batchRule = makeBatchRule({ intervalMs: 1_000, maxMessages: 9, isPlanned: true })
  const selection = { sample: { interval: 60_000 } }
  const { rig } = await startDelivery(t, destination, { disk: new FakeDisk(), selection })

  await offerAndCommit(rig, ['a', 'b', 'c'])
  rig.clock.advance(1_000)
  await settled()

  assert.deepEqual(destination.payloads, ['a'])
  assert.deepEqual(rig.ledger('c').dropped, { NotSelected: 2 })
  assert.equal(rig.ledger('c').waiting, 0)
})

test('receipts are given for every message of an object', async (t) => {
  const destination = new InMemorySpoolingDestination('primary')
  const given: string[] = []
  const settledMessages = (messages: readonly Message[]) => {
    given.push(...messages.map(({ payload }) => payload.toString()))
  }
  const receipts = () => ({ isListening: true, settled: settledMessages, leftOut() {} })
  const { rig } = await startDelivery(t, destination, { disk: new FakeDisk(), receipts })

  await offerAndCommit(rig, ['a', 'b', 'c'])
  await settled()

  assert.deepEqual(given, ['a', 'b', 'c'])
})
