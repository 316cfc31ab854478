/** Leases whose boundaries are part of the stored state. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idsOf, offerAndCommit, openRig } from '../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../support/disk/fake-log-store.ts'

const PLANNED = { isPlanned: true }

test('a plan is what its messages were, whatever the limits say later', async () => {
  const rig = await openRig({ disk: new FakeDisk() })
  await offerAndCommit(rig, ['a', 'b', 'c', 'd'])
  const cursor = rig.set.get('c')!.cursor('primary')
  const first = await cursor.lease(3, 1_000_000, PLANNED)
  cursor.settle(first!, { rejected: [], kept: [0, 1, 2] })

  const again = await cursor.lease(1, 1, PLANNED)

  assert.deepEqual(idsOf(again!.messages), ['a', 'b', 'c'])
})

test('what is left of a plan comes next, and then a new plan begins', async () => {
  const rig = await openRig({ disk: new FakeDisk() })
  await offerAndCommit(rig, ['a', 'b', 'c', 'd', 'e'])
  const cursor = rig.set.get('c')!.cursor('primary')
  const first = await cursor.lease(3, 1_000_000, PLANNED)
  cursor.settle(first!, { rejected: [0], kept: [2] })

  const rest = await cursor.lease(3, 1_000_000, PLANNED)
  cursor.settle(rest!, { rejected: [], kept: [] })
  const next = await cursor.lease(3, 1_000_000, PLANNED)

  assert.deepEqual(idsOf(rest!.messages), ['c'])
  assert.deepEqual(idsOf(next!.messages), ['d', 'e'])
})

test('a stored plan survives a crash, one that was not stored does not', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  await offerAndCommit(before, ['a', 'b', 'c'])
  const channel = before.set.get('c')!
  await channel.cursor('primary').lease(2, 1_000_000, PLANNED)
  await channel.storeState()
  disk.crash()

  const after = await openRig({ disk })
  const lease = await after.set.get('c')!.cursor('primary').lease(1, 1, PLANNED)

  assert.deepEqual(idsOf(lease!.messages), ['a', 'b'])
})

test('a plan that the log does not have any more is forgotten', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  await offerAndCommit(before, ['a', 'b'])
  await before.set.get('c')!.cursor('primary').lease(2, 1_000_000, PLANNED)
  await before.set.get('c')!.storeState()
  disk.crash()
  disk.media.get('c')!.stored.pop()

  const after = await openRig({ disk })
  const lease = await after.set.get('c')!.cursor('primary').lease(9, 1_000, PLANNED)

  assert.deepEqual(idsOf(lease!.messages), ['a'])
})

test('storing a state fails while the medium refuses it', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  await offerAndCommit(rig, ['a'])
  disk.failure = 'ENOSPC'

  await assert.rejects(rig.set.get('c')!.storeState(), { code: 'StorageFailed' })

  disk.failure = undefined
  await rig.set.get('c')!.storeState()
})

test('other work goes on while the messages of a large batch are collected', async () => {
  const rig = await openRig({ disk: new FakeDisk() })
  const ids = Array.from({ length: 5_000 }, (_, i) => `m${i}`)
  await offerAndCommit(rig, ids)
  const { bulk } = rig.set.get('c')!.cursor('primary')
  const taken: string[] = []
  let turns = 0
  let next = setImmediate(function count() {
    turns++
    next = setImmediate(count)
  })
  const sink = {
    take: ({ messageId }: { readonly messageId: string }) => taken.push(messageId) > 0,
    flush: () => Promise.resolve(),
  }
  const lease = await bulk.lease(sink, { maxMessages: 5_000, maxBytes: 1_000_000 }, undefined)
  clearImmediate(next)

  assert.equal(lease?.count, 5_000)
  assert.deepEqual(taken, ids)
  assert.ok(turns >= 4, `${turns} turns`)
})
