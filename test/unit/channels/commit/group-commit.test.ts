import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ChannelSetRig,
  ledgerGap,
  type RigOptions,
} from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'

async function openRig(options: RigOptions): Promise<ChannelSetRig> {
  const rig = new ChannelSetRig(options)
  await rig.set.open()
  return rig
}

/** Lets everything happen that the event loop has been given to do. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

test('what is accepted in one turn is committed together, what comes meanwhile with the next', async () => {
  const disk = new FakeDisk()
  disk.holdsCommits = true
  const rig = await openRig({ disk })

  const first = [rig.offer('c', 'a'), rig.offer('d', 'b')]
  await turn()
  const second = [rig.offer('c', 'c'), rig.offer('d', 'd')]
  await turn()
  const beforeSync = [...rig.cycles]
  disk.releaseCommits()
  await turn()
  const afterSync = [...rig.cycles]
  disk.releaseCommits()
  await turn()

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
  await turn()
  rig.offer('c', 'b')
  await turn()
  const within = [...rig.cycles]
  rig.clock.advance(50)
  await turn()
  const after = [...rig.cycles]
  rig.offer('c', 'c')
  await rig.set.commits.flush()

  assert.deepEqual(within, ['committed 1'])
  assert.deepEqual(after, ['committed 1', 'committed 2'])
  assert.deepEqual(rig.cycles, ['committed 1', 'committed 2', 'committed 3'])
})

test('what sources left unread while a cycle collected still gets into it when it closes', async () => {
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
  await turn()
  const meanwhile = rig.set.commits.isCollecting
  rig.clock.advance(10)
  await turn()

  assert.deepEqual([before, meanwhile], [false, true])
  assert.deepEqual(log, [`late in ${cycle}`])
  assert.equal(rig.cycles.at(-1), `committed ${cycle}`)
})

test('a commit that takes its time lets sources read on', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  await commitSlowly(rig, disk, 20)
  let closings = 0
  rig.set.commits.listen({ closing: () => ++closings > 0, committed: () => {}, failed: () => {} })
  disk.holdsCommits = true
  rig.clock.advance(1_000)
  rig.offer('c', 'a')
  await turn()
  closings = 0

  rig.offer('c', 'b')
  const first = rig.set.commits.isCollecting
  rig.clock.advance(20)
  const later = rig.set.commits.isCollecting

  assert.deepEqual([first, later, closings], [true, false, 1])
})

/** Cycles that the disk needs 2 ms for, so that it pays to wait for more. */
async function commitSlowly(rig: ChannelSetRig, disk: FakeDisk, cycles: number): Promise<void> {
  disk.holdsCommits = true
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    rig.clock.advance(1_000)
    rig.offer('c', `slow ${cycle}`)
    await turn()
    rig.clock.advance(2)
    disk.releaseCommits()
    await turn()
  }
  disk.holdsCommits = false
}

test('memory commits are reported within the turn of the event loop that follows', async () => {
  const rig = await openRig({})

  rig.offer('c', 'a')
  await new Promise((resolve) => setImmediate(resolve))
  await Promise.resolve()

  assert.deepEqual(rig.cycles, ['committed 1'])
})

test('more staged bytes than may be held saturate the set until they are committed', async () => {
  const disk = new FakeDisk()
  disk.holdsCommits = true
  const rig = await openRig({ disk, memoryBytes: 2_000 })

  rig.offer('c', 'a', 'x'.repeat(1_500))
  const before = rig.set.commits.isSaturated
  await turn()
  rig.offer('c', 'b', 'x'.repeat(500))
  const staged = rig.set.commits.isSaturated
  disk.releaseCommits()
  await turn()
  const after = rig.set.commits.isSaturated
  disk.releaseCommits()
  await turn()

  assert.deepEqual([before, staged, after], [false, true, false])
})

test('messages of a failed commit are counted, their senders told, and nothing shifts in the ledger', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.commits.flush()
  disk.holdsCommits = true
  rig.offer('c', 'b')
  await turn()
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

test('while storage fails newcomers are refused without a try, until the store has proved that it can be written', async () => {
  const disk = new FakeDisk()
  const reports: string[] = []
  const rig = await openRig({
    disk,
    observer: {
      storageFailed: (channel, error) => reports.push(`failed ${channel} ${error.code}`),
      storageRecovered: () => reports.push('recovered'),
    },
  })
  disk.failure = 'ENOSPC'
  rig.offer('c', 'a')
  await turn()
  const tries = disk.commits
  const failure = rig.set.storageFailure
  for (const pauseMs of [100, 200]) {
    rig.clock.advance(pauseMs - 1)
    assert.equal(rig.offer('c', 'too early'), -1)
    rig.clock.advance(1)
    await turn()
    assert.equal(rig.offer('c', 'not yet'), -1)
  }
  disk.failure = undefined
  rig.clock.advance(400)
  await turn()
  const triesMeanwhile = disk.commits - tries
  const stateBefore = rig.set.storageFigures.state.name
  const taken = rig.offer('c', 'f')
  await turn()

  assert.deepEqual([triesMeanwhile, disk.probes], [0, 3])
  assert.equal(failure?.error, 'StorageFailed')
  assert.equal(rig.lastRefusal.error, 'StorageFailed')
  assert.equal(stateBefore, 'ok')
  assert.ok(taken > 0)
  assert.deepEqual(reports, ['failed __journal StorageFailed', 'recovered'])
  assert.deepEqual(await rig.deliver('c'), ['f'])
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('nobody’s message is needed to find out that storage is still bad, and nothing is probed while it is well', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  disk.failure = 'ENOSPC'
  rig.offer('c', 'a')
  await turn()

  for (let second = 0; second < 60; second += 1) {
    rig.clock.advance(1_000)
    await turn()
    assert.equal(rig.set.storageFailure?.error, 'StorageFailed')
  }
  const probesOfAMinute = disk.probes
  disk.failure = undefined
  rig.clock.advance(5_000)
  await turn()

  // After 0.1, 0.2, … s, then every 5 s.
  assert.equal(probesOfAMinute, 16)
  assert.equal(rig.set.storageFailure, undefined)
  assert.equal(rig.clock.pendingCalls, 1, 'the expiry sweep alone')
})

test('looking at the health of storage changes nothing', async () => {
  const disk = new FakeDisk()
  const reports: string[] = []
  const rig = await openRig({ disk, observer: { storageRecovered: () => reports.push('well') } })
  disk.failure = 'EIO'
  rig.offer('c', 'a')
  await turn()
  await rig.set.close()

  rig.clock.advance(3_600_000)
  const { storageFailure, storageFigures } = rig.set

  assert.equal(storageFailure?.error, 'StorageFailed')
  assert.equal(storageFigures.state.name, 'failing')
  assert.deepEqual([reports, disk.probes], [[], 0])
})

test('positions that can’t be written down are a failure of storage until a probe says that it is over', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.flush()
  disk.failure = 'EROFS'
  await rig.deliver('c')
  rig.clock.advance(1_000)
  await turn()
  const failure = rig.set.storageFailure
  disk.failure = undefined
  const tooEarly = rig.offer('c', 'b')
  rig.clock.advance(100)
  await turn()
  const taken = rig.offer('c', 'b')
  await turn()

  assert.equal(failure?.error, 'StorageFailed')
  assert.equal(tooEarly, -1)
  assert.ok(taken > 0)
  assert.equal(rig.set.storageFailure, undefined)
  assert.deepEqual(await rig.deliver('c'), ['b'])
})

test('positions that failed to be written down are written with a later commit', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  before.offer('c', 'a')
  await before.set.flush()
  disk.failure = 'EROFS'
  await before.deliver('c')
  before.clock.advance(1_000)
  await turn()
  disk.failure = undefined
  before.clock.advance(2_000)
  await turn()
  disk.crash()

  const rig = await openRig({ disk })

  assert.deepEqual(await rig.deliver('c'), [])
  assert.equal(rig.ledger('c').delivered, 1)
})

test('positions that could be written down are no proof that messages can be stored', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.flush()
  disk.failure = 'ENOSPC'
  rig.offer('c', 'b')
  await turn()
  disk.failure = undefined

  await rig.deliver('c')
  await rig.set.flush()
  const afterwards = rig.set.storageFailure?.error
  rig.clock.advance(100)
  await turn()

  assert.equal(afterwards, 'StorageFailed')
  assert.match(rig.cycles.at(-1) ?? '', /^committed/)
  assert.equal(disk.probes, 1)
  assert.equal(rig.set.storageFailure, undefined)
})

test('positions that can’t be written down while storage fails do not put the next probe off', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  rig.offer('c', 'a')
  await rig.set.flush()
  disk.failure = 'ENOSPC'
  rig.offer('c', 'b')
  await turn()
  rig.clock.advance(99)
  await rig.deliver('c')
  await rig.set.flush()
  disk.failure = undefined

  rig.clock.advance(1)
  await turn()

  assert.equal(disk.probes, 1)
  assert.equal(rig.set.storageFailure, undefined)
})

test('a commit that fails fails for all channels, and every sender is told', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({ disk })
  disk.failure = 'EIO'
  rig.offer('c', 'a')
  rig.offer('d', 'b')
  await turn()
  const refused = [rig.offer('c', 'c'), rig.offer('d', 'd'), rig.offer('new', 'e')]
  disk.failure = undefined
  rig.clock.advance(100)
  await turn()

  const taken = [rig.offer('c', 'f'), rig.offer('d', 'g')]
  await turn()

  assert.deepEqual(refused, [-1, -1, -1])
  assert.ok(taken.every((cycle) => cycle > 0))
  assert.deepEqual(rig.dropped.map(({ id, error }) => `${id} ${error}`).slice(0, 2), [
    'a StorageFailed',
    'b StorageFailed',
  ])
  assert.deepEqual([await rig.deliver('c'), await rig.deliver('d')], [['f'], ['g']])
  for (const channel of ['c', 'd']) assert.equal(ledgerGap(rig.ledger(channel)), 0)
})

test('closing commits what is staged, and a second close is the same', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  before.offer('c', 'a')
  const closing = before.set.close()
  await Promise.all([closing, before.set.close()])

  const rig = await openRig({ disk })

  assert.deepEqual(await rig.deliver('c'), ['a'])
})

test('channels found at start and new ones are told of', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  before.offer('old', 'a')
  await before.set.close()
  const rig = await openRig({ disk })
  const told: string[] = []

  rig.set.onChannel((channel) => told.push(channel.name))
  rig.offer('fresh', 'b')
  rig.offer('fresh', 'c')

  assert.deepEqual(told, ['old', 'fresh'])
})

test('a message dropped before its commit fails is told once, and what follows takes no harm', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({
    disk,
    bounds: { maxBacklogMessages: 2, dropBehavior: 'DROP_OLDEST' },
  })
  disk.failure = 'ENOSPC'
  for (const id of ['a', 'b', 'c']) rig.offer('c', id)
  await turn()
  disk.failure = undefined
  rig.clock.advance(100)
  await turn()

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
