import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ledgerGap, offerAndCommit, openRig } from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'

test('an id sent again within the window is acknowledged but stored once', async () => {
  const rig = await openRig({ rules: { deduplication: { windowMs: 60_000, maxIds: 100 } } })
  await offerAndCommit(rig, ['a', 'b'])

  const again = rig.offer('c', 'a')
  const { error, message } = rig.lastRefusal
  rig.clock.advance(60_000)
  const later = rig.offer('c', 'a')
  await rig.set.flush()

  assert.equal(again, -1)
  assert.equal(error, 'DuplicateMessageId')
  assert.match(message, /already has a message with this id/)
  assert.ok(later > 0)
  assert.deepEqual(rig.ledger('c').dropped, { DuplicateMessageId: 1 })
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('an id sent again before the first message is committed is acknowledged together with it', async () => {
  const disk = new FakeDisk()
  disk.holdsCommits = true
  const rig = await openRig({ disk, rules: { deduplication: { windowMs: 60_000, maxIds: 100 } } })
  const first = rig.offer('c', 'a')
  const sameTurn = rig.offer('c', 'a')
  await settled()
  const whileWriting = rig.offer('c', 'a')
  disk.releaseCommits()
  await settled()
  const afterwards = rig.offer('c', 'a')

  assert.deepEqual([sameTurn, whileWriting, afterwards], [first, first, -1])
  assert.deepEqual(
    rig.dropped.map(({ id, error }) => [id, error]),
    [
      ['a', 'DuplicateMessageId'],
      ['a', 'DuplicateMessageId'],
    ],
  )
  assert.deepEqual(rig.cycles, ['committed 1'])
  assert.deepEqual(await rig.deliver('c'), ['a'])
})

test('a message that was not stored, was dropped or rejected may be sent again with its id', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({
    disk,
    rules: { deduplication: { windowMs: 60_000, maxIds: 100 } },
    bounds: { maxBacklogMessages: 2, dropBehavior: 'DROP_OLDEST' },
  })
  disk.failure = 'ENOSPC'
  rig.offer('c', 'lost')
  await settled()
  disk.failure = undefined
  rig.clock.advance(100)
  await settled()
  assert.ok(rig.offer('c', 'lost') > 0)
  await offerAndCommit(rig, ['b', 'c'])
  assert.equal(rig.dropped.at(-1)?.id, 'lost')
  assert.ok(rig.offer('c', 'lost') > 0)
  await rig.set.flush()
  const cursor = rig.set.get('c')!.cursor('primary')
  const lease = await cursor.lease(2, 1_000)
  cursor.settle(lease!, { rejected: [0], kept: [] })

  assert.ok(rig.offer('c', lease!.messages[0]!.senderId!) > 0)
  assert.equal(rig.offer('c', lease!.messages[1]!.senderId!), -1)
})

test('the window is read back from the log after a restart, long ids included', async () => {
  const disk = new FakeDisk()
  const clock = new ManualClock()
  const rules = { deduplication: { windowMs: 60_000, maxIds: 3 } }
  const before = await openRig({ disk, clock, rules })
  const long = 'x'.repeat(10_000)
  await offerAndCommit(before, ['too old'])
  clock.advance(60_001)
  await offerAndCommit(before, ['beyond', long, 'b', 'c'])
  await before.deliver('c')
  disk.crash()

  const rig = await openRig({ disk, clock, rules })

  assert.ok(rig.offer('c', 'too old') > 0)
  assert.ok(rig.offer('c', 'beyond') > 0)
  assert.equal(rig.offer('c', 'c'), -1)
  const again = await openRig({ disk, clock, rules })
  assert.equal(again.offer('c', long), -1)
})
