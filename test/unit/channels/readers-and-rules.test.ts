import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ChannelSetRig,
  ledgerGap,
  type RigOptions,
} from '../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../support/disk/fake-log-store.ts'
import { ManualClock } from '../../support/manual-clock.ts'

async function openRig(options: RigOptions): Promise<ChannelSetRig> {
  const rig = new ChannelSetRig(options)
  await rig.set.open()
  return rig
}

async function offerAndCommit(rig: ChannelSetRig, ids: readonly string[]): Promise<void> {
  for (const id of ids) rig.offer('c', id)
  await rig.set.flush()
}

async function turn(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

test('a reader added later begins with now, with the stored history, or at a time', async () => {
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

test('a first destination gets what comes from now on; what the store took before counts as delivered', async () => {
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

test('a renamed primary goes on where the old one stood, with its counts', async () => {
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

test('a reader that is taken out and comes back goes on where it was', async () => {
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

test('when all destinations are taken out the ledger still adds up', async () => {
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

test('messages older than maxAge are not leased; their senders are told', async () => {
  const rig = await openRig({ rules: { maxAgeMs: 60_000 } })
  await offerAndCommit(rig, ['a', 'b'])
  rig.clock.advance(1_000)
  await offerAndCommit(rig, ['c'])
  rig.clock.advance(59_500)

  const ids = await rig.deliver('c')

  assert.deepEqual(ids, ['c'])
  assert.deepEqual(
    rig.dropped.map(({ id, error }) => [id, error]),
    [
      ['a', 'MessageExpired'],
      ['b', 'MessageExpired'],
    ],
  )
  assert.match(
    rig.dropped[0]!.message,
    /in channel c for longer than the 60 s that its maxAge allows/,
  )
  const row = rig.ledger('c')
  assert.deepEqual([row.expired, row.delivered, row.dropped], [2, 1, {}])
  assert.equal(ledgerGap(row), 0)
})

test('messages expire also while nobody reads, except those in flight', async () => {
  const rig = await openRig({ disk: new FakeDisk(), rules: { maxAgeMs: 60_000 } })
  await offerAndCommit(
    rig,
    Array.from({ length: 600 }, (_, i) => `m${i}`),
  )
  const cursor = rig.set.get('c')!.cursor('primary')
  const lease = await cursor.lease(2, 1_000)
  rig.clock.advance(30_000)
  await offerAndCommit(rig, ['young'])

  rig.clock.advance(35_000)
  await turn()

  assert.equal(rig.dropped.length, 598)
  assert.equal(rig.ledger('c').expired, 598)
  assert.equal(cursor.waiting, 1)
  cursor.settle(lease!, { rejected: [], kept: [0] })
  assert.deepEqual(await rig.deliver('c'), ['young'])
  assert.equal(rig.ledger('c').expired, 599)
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('expiry is exact again after a restart', async () => {
  const disk = new FakeDisk()
  const clock = new ManualClock()
  const before = await openRig({ disk, clock, rules: { maxAgeMs: 60_000 } })
  await offerAndCommit(before, ['old'])
  clock.advance(40_000)
  await offerAndCommit(before, ['young'])
  disk.crash()

  const rig = await openRig({ disk, clock, rules: { maxAgeMs: 60_000 } })
  clock.advance(25_000)
  await turn()

  assert.equal(rig.ledger('c').expired, 1)
  assert.equal(rig.ledger('c').waiting, 1)
})

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

test('an id sent again before the first one is committed is acknowledged together with it', async () => {
  const disk = new FakeDisk()
  disk.holdsCommits = true
  const rig = await openRig({ disk, rules: { deduplication: { windowMs: 60_000, maxIds: 100 } } })
  const first = rig.offer('c', 'a')
  const sameTurn = rig.offer('c', 'a')
  await turn()
  const whileWriting = rig.offer('c', 'a')
  disk.releaseCommits()
  await turn()
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

test('what was not stored, dropped or rejected may be sent again with its id', async () => {
  const disk = new FakeDisk()
  const rig = await openRig({
    disk,
    rules: { deduplication: { windowMs: 60_000, maxIds: 100 } },
    bounds: { maxBacklogMessages: 2, dropBehavior: 'DROP_OLDEST' },
  })
  disk.failure = 'ENOSPC'
  rig.offer('c', 'lost')
  await turn()
  disk.failure = undefined
  rig.clock.advance(100)
  await turn()
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
