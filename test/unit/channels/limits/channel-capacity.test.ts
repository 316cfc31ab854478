import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draftBytes } from '../../../../src/channels/log/memory-budget.ts'
import {
  ChannelSetRig,
  idsOf,
  ledgerGap,
  openRig,
} from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'

function offerAll(rig: ChannelSetRig, ids: readonly string[]): number[] {
  return ids.map((id) => rig.offer('c', id))
}

for (const where of ['in memory', 'on disk'] as const) {
  const disk = () => (where === 'on disk' ? { disk: new FakeDisk() } : {})

  test(`${where}, DROP_NEWEST refuses the new message and says why`, async () => {
    const rig = await openRig({ ...disk(), bounds: { maxBacklogMessages: 2 } })

    const cycles = offerAll(rig, ['a', 'b', 'c'])

    assert.equal(cycles[2], -1)
    assert.equal(rig.lastRefusal.error, 'QueueFull')
    assert.match(
      rig.lastRefusal.message,
      /Channel c has 2 messages waiting, the most that IotAnalyticsQueueSizePerChannel allows/,
    )
    await rig.set.flush()
    assert.deepEqual(await rig.deliver('c'), ['a', 'b'])
    assert.deepEqual(rig.ledger('c').dropped, { QueueFull: 1 })
    assert.equal(rig.ledger('c').received, 3)
  })

  test(`${where}, DROP_OLDEST drops one message for each new one, also within one burst`, async () => {
    const rig = await openRig({
      ...disk(),
      bounds: { maxBacklogMessages: 3, dropBehavior: 'DROP_OLDEST' },
    })

    offerAll(rig, ['a', 'b', 'c', 'd', 'e'])
    await rig.set.flush()
    offerAll(rig, ['f'])
    await rig.set.flush()

    assert.deepEqual(
      rig.dropped.map(({ id, error }) => [id, error]),
      [
        ['a', 'QueueFull'],
        ['b', 'QueueFull'],
        ['c', 'QueueFull'],
      ],
    )
    assert.equal(ledgerGap(rig.ledger('c')), 0)
    assert.deepEqual(await rig.deliver('c'), ['d', 'e', 'f'])
  })

  test(`${where}, DROP_OLDEST spares messages in flight; if all are in flight, the new one is refused`, async () => {
    const rig = await openRig({
      ...disk(),
      bounds: { maxBacklogMessages: 3, dropBehavior: 'DROP_OLDEST' },
    })
    offerAll(rig, ['a', 'b', 'c'])
    await rig.set.flush()
    const cursor = rig.set.get('c')!.cursor('primary')
    const first = await cursor.lease(2, 1_000)

    offerAll(rig, ['d'])
    await rig.set.flush()
    const second = await cursor.lease(2, 1_000)
    const refused = rig.offer('c', 'e')

    assert.deepEqual(idsOf(second!.messages), ['d'])
    assert.deepEqual(
      rig.dropped.map(({ id }) => id),
      ['c'],
    )
    assert.equal(refused, -1)
    cursor.settle(first!, { rejected: [], kept: [0, 1] })
    assert.ok(rig.offer('c', 'f') > 0)
    await rig.set.flush()
    assert.deepEqual(
      rig.dropped.map(({ id }) => id),
      ['c', 'a'],
    )
  })
}

test('messages in memory never hold more than MemorySize over all channels', async () => {
  const rig = await openRig({ memoryBytes: 3_000 })
  const payload = 'x'.repeat(1_000)
  rig.offer('c', 'a', payload)
  rig.offer('d', 'b', payload)

  const refused = rig.offer('c', 'c', payload)

  assert.equal(refused, -1)
  assert.equal(rig.lastRefusal.error, 'MemoryFull')
  assert.match(rig.lastRefusal.message, /MemorySize/)
  assert.ok(rig.budget.held <= 3_000)
  await rig.set.flush()
  await rig.deliver('d')
  assert.ok(rig.offer('c', 'd', payload) > 0)
})

test('at MemorySize DROP_OLDEST drops as many messages as the new one needs, but none in flight', async () => {
  const rig = await openRig({ memoryBytes: 4_000, bounds: { dropBehavior: 'DROP_OLDEST' } })
  for (const id of ['a', 'b', 'c', 'd', 'e']) rig.offer('c', id, 'x'.repeat(500))
  await rig.set.flush()
  await rig.set.get('c')!.cursor('primary').lease(1, 1_000)

  const taken = rig.offer('c', 'f', 'x'.repeat(1_500))

  assert.ok(taken > 0)
  assert.deepEqual(
    rig.dropped.map(({ id, error }) => [id, error]),
    [
      ['b', 'MemoryFull'],
      ['c', 'MemoryFull'],
    ],
  )
  assert.ok(rig.budget.held <= 4_000)
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('no message is dropped for a new one that does not fit anyway', async () => {
  const rig = await openRig({ memoryBytes: 2_000, bounds: { dropBehavior: 'DROP_OLDEST' } })
  rig.offer('other', 'a', 'x'.repeat(1_000))
  rig.offer('c', 'b')
  await rig.set.flush()

  const refused = rig.offer('c', 'c', 'x'.repeat(1_000))

  assert.equal(refused, -1)
  assert.deepEqual(rig.dropped, [])
})

test('settled messages behind a kept one give their memory back', async () => {
  const rig = await openRig({})
  offerAll(rig, ['a', 'b', 'c', 'd'])
  await rig.set.flush()
  const before = rig.budget.held
  const cursor = rig.set.get('c')!.cursor('primary')
  const lease = await cursor.lease(4, 1_000)

  cursor.settle(lease!, { rejected: [], kept: [0] })

  assert.equal(rig.budget.held, before / 4)
  assert.deepEqual(await rig.deliver('c'), ['a'])
  assert.equal(rig.budget.held, 0)
})

test('a full disk refuses new messages under DROP_NEWEST and takes them once there is room', async () => {
  const bytes = draftBytes(new ChannelSetRig().draft('aa', 'aa'))
  const disk = new FakeDisk({ maxBytes: bytes * 8, segmentMessages: 4 })
  const rig = await openRig({ disk })
  offerAll(rig, ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8'])
  await rig.set.flush()

  const refused = rig.offer('c', 'a9')
  const { error, message } = rig.lastRefusal
  await rig.deliver('c', 4)
  await rig.set.flush()
  const taken = rig.offer('c', 'b1')

  assert.equal(refused, -1)
  assert.equal(error, 'StorageFull')
  assert.match(message, /storage\.maxBytes/)
  assert.ok(taken > 0)
  assert.ok(rig.store.bytes <= disk.maxBytes)
})

test('a full disk gets no new channels, whatever names are sent', async () => {
  const disk = new FakeDisk({ maxBytes: 1_000 })
  const rig = await openRig({ disk, bounds: { dropBehavior: 'DROP_OLDEST' } })
  rig.offer('c', 'a', 'x'.repeat(700))

  for (let i = 0; i < 10; i += 1) assert.equal(rig.offer(`made_up_${i}`, 'b', 'x'.repeat(200)), -1)

  assert.equal(rig.lastRefusal.error, 'StorageFull')
  assert.deepEqual([...disk.media.keys()], ['c'])
  assert.deepEqual(rig.ledger('made_up_1').dropped, { StorageFull: 1 })
})

test('a full disk under DROP_OLDEST drops the messages of the oldest file and reports each to its sender', async () => {
  const bytes = draftBytes(new ChannelSetRig().draft('aa', 'aa'))
  const disk = new FakeDisk({ maxBytes: bytes * 8, segmentMessages: 4 })
  const rig = await openRig({ disk, bounds: { dropBehavior: 'DROP_OLDEST' } })
  offerAll(rig, ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8'])
  await rig.set.flush()

  const refused = rig.offer('c', 'a9')
  await rig.set.flush()
  const taken = rig.offer('c', 'b1')
  await rig.set.flush()

  assert.equal(refused, -1)
  assert.ok(taken > 0)
  assert.deepEqual(
    rig.dropped.map(({ id, error }) => [id, error]),
    ['a1', 'a2', 'a3', 'a4'].map((id) => [id, 'QueueFull']),
  )
  assert.deepEqual(rig.ledger('c').dropped, { QueueFull: 4, StorageFull: 1 })
  assert.equal(ledgerGap(rig.ledger('c')), 0)
  assert.deepEqual(await rig.deliver('c'), ['a5', 'a6', 'a7', 'a8', 'b1'])
  assert.ok(rig.store.bytes <= disk.maxBytes)
})

test('a message that its sender keeps is not counted if it can’t be stored now, and is taken later as if it came for the first time', async () => {
  const bytes = draftBytes(new ChannelSetRig().draft('aa', 'aa'))
  const disk = new FakeDisk({ maxBytes: bytes * 8, segmentMessages: 4 })
  const rig = await openRig({ disk, bounds: { maxChannels: 1 } })
  offerAll(rig, ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8'])
  await rig.set.flush()

  const full = rig.offer('c', 'a9', 'a9', true)
  const whyFull = rig.lastRefusal.error
  const oneTooMany = rig.offer('other', 'b1', 'b1', true)
  const whyTooMany = rig.lastRefusal.error
  const rows = rig.set.ledger().map(({ channel, received }) => [channel, received])
  await rig.deliver('c', 4)
  await rig.set.flush()
  const later = rig.offer('c', 'a9', 'a9', true)

  assert.deepEqual([full, oneTooMany], [-1, -1])
  assert.deepEqual([whyFull, whyTooMany], ['StorageFull', 'ChannelLimit'])
  assert.deepEqual(rows, [['c', 8]])
  assert.ok(later > 0)
  assert.deepEqual([rig.ledger('c').received, rig.ledger('c').dropped], [9, {}])
})

test('a documented limit refuses for good, whether or not the sender keeps the message', async () => {
  const rig = await openRig({ bounds: { maxBacklogMessages: 1 } })
  rig.offer('c', 'a')

  const refused = rig.offer('c', 'b', 'b', true)

  assert.equal(refused, -1)
  assert.equal(rig.lastRefusal.error, 'QueueFull')
  assert.deepEqual(rig.ledger('c').dropped, { QueueFull: 1 })
})

test('without cursors a full disk removes its oldest history and takes every new message', async () => {
  const bytes = draftBytes(new ChannelSetRig().draft('a1', 'a1'))
  const disk = new FakeDisk({ maxBytes: bytes * 8, segmentMessages: 4 })
  const rig = await openRig({ disk, cursorNames: [] })

  for (let i = 10; i < 40; i += 1) {
    assert.ok(rig.offer('c', `${i}`) > 0)
    await rig.set.flush()
  }

  assert.equal(rig.ledger('c').delivered, 30)
  assert.ok(rig.store.bytes <= disk.maxBytes)
})
