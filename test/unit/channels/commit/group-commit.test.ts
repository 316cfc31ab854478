import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ChannelSetRig,
  ledgerGap,
  openRig,
} from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'
import { settled } from '../../../support/settled.ts'

/** Commits cycles that take 2 ms each, so that it pays to wait for more messages. */
async function commitSlowly(rig: ChannelSetRig, disk: FakeDisk, cycles: number): Promise<void> {
  disk.holdsCommits = true
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    rig.clock.advance(1_000)
    rig.offer('c', `slow ${cycle}`)
    await settled()
    rig.clock.advance(2)
    disk.releaseCommits()
    await settled()
  }
  disk.holdsCommits = false
}

test('messages accepted in one turn are committed together, those that come meanwhile with the next cycle', async () => {
  const disk = new FakeDisk()
  disk.holdsCommits = true
  const rig = await openRig({ disk })

  const first = [rig.offer('c', 'a'), rig.offer('d', 'b')]
  await settled()
  const second = [rig.offer('c', 'c'), rig.offer('d', 'd')]
  await settled()
  const beforeSync = [...rig.cycles]
  disk.releaseCommits()
  await settled()
  const afterSync = [...rig.cycles]
  disk.releaseCommits()
  await settled()

  assert.deepEqual(
    [first, second],
    [
      [1, 1],
      [2, 2],
    ],
  )
  assert.deepEqual(beforeSync, [])
  assert.deepEqual(afterSync, ['committed 1'])
  assert.deepEqual(rig.cycles, ['committed 1', 'committed 2'])
  assert.equal(disk.commits, 2)
})

test('a minimum interval holds commits apart, and flush does not wait for it', async () => {
  const rig = await openRig({ disk: new FakeDisk(), minCommitIntervalMs: 50 })
  rig.offer('c', 'a')
  await settled()
  rig.offer('c', 'b')
  await settled()
  const within = [...rig.cycles]
  rig.clock.advance(50)
  await settled()
  const after = [...rig.cycles]
  rig.offer('c', 'c')
  await rig.set.commits.flush()

  assert.deepEqual(within, ['committed 1'])
  assert.deepEqual(after, ['committed 1', 'committed 2'])
  assert.deepEqual(rig.cycles, ['committed 1', 'committed 2', 'committed 3'])
})

test('messages that sources left unread while a cycle collected still get into it when it closes', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  await commitSlowly(rig, disk, 20)
  const log: string[] = []
  let leftUnread: string | undefined = 'late'
  rig.set.commits.listen({
    closing: () => {
      if (leftUnread === undefined) return false
      const id = leftUnread
      leftUnread = undefined
      process.nextTick(() => log.push(`${id} in ${rig.offer('c', id)}`))
      return true
    },
    committed: () => {},
    failed: () => {},
  })

  const before = rig.set.commits.isCollecting
  const cycle = rig.offer('c', 'early')
  await settled()
  const meanwhile = rig.set.commits.isCollecting
  rig.clock.advance(10)
  await settled()

  assert.deepEqual([before, meanwhile], [false, true])
  assert.deepEqual(log, [`late in ${cycle}`])
  assert.equal(rig.cycles.at(-1), `committed ${cycle}`)
})

test('a slow commit lets sources read on', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  await commitSlowly(rig, disk, 20)
  let closings = 0
  rig.set.commits.listen({ closing: () => ++closings > 0, committed: () => {}, failed: () => {} })
  disk.holdsCommits = true
  rig.clock.advance(1_000)
  rig.offer('c', 'a')
  await settled()
  closings = 0

  rig.offer('c', 'b')
  const first = rig.set.commits.isCollecting
  rig.clock.advance(20)
  const later = rig.set.commits.isCollecting

  assert.deepEqual([first, later, closings], [true, false, 1])
})

test('memory commits are reported within the next turn of the event loop', async () => {
  const rig = await openRig({})

  rig.offer('c', 'a')
  await new Promise((resolve) => setImmediate(resolve))
  await Promise.resolve()

  assert.deepEqual(rig.cycles, ['committed 1'])
})

test('more staged bytes than allowed saturate the set until they are committed', async () => {
  const disk = new FakeDisk()
  disk.holdsCommits = true
  const rig = await openRig({ disk, memoryBytes: 2_000 })

  rig.offer('c', 'a', 'x'.repeat(1_500))
  const before = rig.set.commits.isSaturated
  await settled()
  rig.offer('c', 'b', 'x'.repeat(500))
  const staged = rig.set.commits.isSaturated
  disk.releaseCommits()
  await settled()
  const after = rig.set.commits.isSaturated
  disk.releaseCommits()
  await settled()

  assert.deepEqual([before, staged, after], [false, true, false])
})

test('messages of a failed commit are counted and reported, and nothing shifts in the ledger', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.commits.flush()
  disk.holdsCommits = true
  rig.offer('c', 'b')
  await settled()
  rig.offer('c', 'c')
  disk.failure = 'ENOSPC'
  disk.holdsCommits = false
  disk.releaseCommits()
  await Promise.resolve()
  await Promise.resolve()
  disk.failure = undefined

  await rig.set.commits.flush()
  rig.clock.advance(200)

  assert.deepEqual(
    rig.dropped.map(({ id, error }) => [id, error]),
    [['b', 'StorageFailed']],
  )
  assert.match(rig.dropped[0]!.message, /Storage failed: .*ENOSPC/)
  assert.deepEqual(rig.cycles, ['committed 1', 'failed 2 StorageFailed', 'committed 3'])
  assert.deepEqual(await rig.deliver('c'), ['a', 'c'])
  const row = rig.ledger('c')
  assert.deepEqual([row.received, row.delivered, row.dropped], [3, 2, { StorageFailed: 1 }])
  assert.equal(ledgerGap(row), 0)
})

test('a commit that fails fails for all channels, and every sender gets a receipt', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  disk.failure = 'EIO'
  rig.offer('c', 'a')
  rig.offer('d', 'b')
  await settled()
  const refused = [rig.offer('c', 'c'), rig.offer('d', 'd'), rig.offer('new', 'e')]
  disk.failure = undefined
  rig.clock.advance(100)
  await settled()

  const taken = [rig.offer('c', 'f'), rig.offer('d', 'g')]
  await settled()

  assert.deepEqual(refused, [-1, -1, -1])
  assert.ok(taken.every((cycle) => cycle > 0))
  assert.deepEqual(rig.dropped.map(({ id, error }) => `${id} ${error}`).slice(0, 2), [
    'a StorageFailed',
    'b StorageFailed',
  ])
  assert.deepEqual([await rig.deliver('c'), await rig.deliver('d')], [['f'], ['g']])
  for (const channel of ['c', 'd']) assert.equal(ledgerGap(rig.ledger(channel)), 0)
})

test('a message dropped before its commit fails is reported once, and later messages are not harmed', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({
    disk,
    bounds: { maxBacklogMessages: 2, dropBehavior: 'DROP_OLDEST' },
  })
  disk.failure = 'ENOSPC'
  for (const id of ['a', 'b', 'c']) rig.offer('c', id)
  await settled()
  disk.failure = undefined
  rig.clock.advance(100)
  await settled()

  for (const id of ['d', 'e']) rig.offer('c', id)
  await rig.set.flush()
  const ids = await rig.deliver('c')

  assert.deepEqual(ids, ['d', 'e'])
  assert.deepEqual(
    rig.dropped.map(({ id, error }) => `${id} ${error}`),
    ['a StorageFailed', 'b StorageFailed', 'c StorageFailed'],
  )
  assert.deepEqual(rig.ledger('c').dropped, { StorageFailed: 3 })
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})
