import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ledgerGap, offerAndCommit, openRig } from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

test('a cursor added later begins with new messages, with the stored history, or at a time', async () => {
  const disk = new FakeDisk()
  const clock = new ManualClock()
  const before = await openRig({ disk, clock })
  await offerAndCommit(before, ['a', 'b'])
  clock.advance(10_000)
  const time = clock.now()
  await offerAndCommit(before, ['c'])
  await before.deliver('c')
  await before.set.close()

  const rig = await openRig({
    disk,
    clock,
    cursorNames: ['primary', 'fresh', 'history', 'since'],
    cursorStarts: { history: 'earliest', since: { time } },
  })
  await offerAndCommit(rig, ['d'])

  assert.deepEqual(await rig.deliver('c', 10, 'primary'), ['d'])
  assert.deepEqual(await rig.deliver('c', 10, 'fresh'), ['d'])
  assert.deepEqual(await rig.deliver('c', 10, 'history'), ['a', 'b', 'c', 'd'])
  assert.deepEqual(await rig.deliver('c', 10, 'since'), ['c', 'd'])
  const { readers } = rig.ledger('c')
  assert.deepEqual(
    Object.values(readers).map((reader) => reader.delivered),
    [1, 4, 2],
  )
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('a first destination gets new messages; messages that the store took before count as delivered', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk, cursorNames: [] })
  await offerAndCommit(before, ['a', 'b'])
  await before.set.close()

  const rig = await openRig({ disk })
  await offerAndCommit(rig, ['c'])

  assert.equal(rig.ledger('c').delivered, 2)
  assert.deepEqual(await rig.deliver('c'), ['c'])
  assert.equal(rig.ledger('c').delivered, 3)
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('a renamed primary destination goes on where the old one was, with its counts', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk, cursorNames: ['old'] })
  await offerAndCommit(before, ['a', 'b', 'c', 'd'])
  const cursor = before.set.get('c')!.cursor('old')
  const lease = await cursor.lease(3, 1_000)
  cursor.settle(lease!, { rejected: [1], kept: [0] })
  await before.set.close()

  const rig = await openRig({ disk, cursorNames: ['new'] })
  const row = rig.ledger('c')

  assert.deepEqual([row.delivered, row.rejected, row.waiting], [1, 1, 2])
  assert.deepEqual(await rig.deliver('c', 10, 'new'), ['a', 'd'])
})

test('a destination that is removed and comes back goes on where it was', async () => {
  const disk = new FakeDisk()
  const first = await openRig({ disk, cursorNames: ['primary', 'archive'] })
  await offerAndCommit(first, ['a', 'b'])
  await first.deliver('c', 10, 'primary')
  await first.deliver('c', 1, 'archive')
  await first.set.close()
  const second = await openRig({ disk, cursorNames: ['primary'] })
  await offerAndCommit(second, ['c'])
  assert.equal(second.set.get('c')!.backlog, 1)
  await second.set.close()

  const third = await openRig({ disk, cursorNames: ['primary', 'archive'] })

  assert.deepEqual(await third.deliver('c', 10, 'archive'), ['b', 'c'])
})

test('when all destinations are removed the ledger still adds up', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  await offerAndCommit(before, ['a', 'b', 'c'])
  const cursor = before.set.get('c')!.cursor('primary')
  cursor.settle((await cursor.lease(2, 1_000))!, { rejected: [0], kept: [] })
  await before.set.close()

  const rig = await openRig({ disk, cursorNames: [] })
  const row = rig.ledger('c')

  assert.deepEqual([row.received, row.delivered, row.rejected, row.waiting], [3, 2, 1, 0])
  assert.equal(ledgerGap(row), 0)
})
