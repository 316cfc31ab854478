import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectorError } from '../../../../src/errors.ts'
import { ChannelSetRig, idsOf, ledgerGap } from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'

async function rigWith(ids: readonly string[], disk?: FakeDisk): Promise<ChannelSetRig> {
  const rig = new ChannelSetRig(disk === undefined ? {} : { disk })
  await rig.set.open()
  for (const id of ids) rig.offer('c', id)
  await rig.set.flush()
  return rig
}

function cursorOf(rig: ChannelSetRig) {
  return rig.set.get('c')!.cursor('primary')
}

test('a lease takes a limited number of messages and, after the first, of bytes', async () => {
  const rig = await rigWith(['aaaa', 'bbbb', 'cccc', 'dddd'])
  const cursor = cursorOf(rig)

  const byCount = await cursor.lease(1, 1_000)
  const byBytes = await cursor.lease(10, 11)
  const tooLarge = await cursor.lease(10, 1)
  const nothing = await cursor.lease(10, 1_000)

  assert.deepEqual(idsOf(byCount!.messages), ['aaaa'])
  assert.deepEqual(idsOf(byBytes!.messages), ['bbbb', 'cccc'])
  assert.deepEqual(idsOf(tooLarge!.messages), ['dddd'])
  assert.equal(nothing, undefined)
  assert.equal(cursor.inFlight, 4)
  assert.equal(cursor.waiting, 0)
})

test('kept messages go back to their old place and are leased first', async () => {
  const rig = await rigWith(['a', 'b', 'c', 'd', 'e', 'f'])
  const cursor = cursorOf(rig)
  const lease = await cursor.lease(5, 1_000)

  cursor.settle(lease!, { rejected: [2], kept: [0, 3] })
  const next = await cursor.lease(10, 1_000)

  assert.deepEqual(idsOf(next!.messages), ['a', 'd', 'f'])
  const row = rig.ledger('c')
  assert.equal(row.delivered, 2)
  assert.equal(row.rejected, 1)
  assert.equal(row.inFlight, 3)
  assert.equal(ledgerGap(row), 0)
})

test('two leases asked for at once hold different messages, in order', async () => {
  const rig = await rigWith(['a', 'b', 'c', 'd'])
  const cursor = cursorOf(rig)

  const [first, second] = await Promise.all([cursor.lease(2, 1_000), cursor.lease(2, 1_000)])

  assert.deepEqual(idsOf(first!.messages), ['a', 'b'])
  assert.deepEqual(idsOf(second!.messages), ['c', 'd'])
})

test('a lease can be settled only once', async () => {
  const rig = await rigWith(['a'])
  const cursor = cursorOf(rig)
  const lease = await cursor.lease(1, 1_000)

  cursor.settle(lease!, { rejected: [], kept: [] })

  assert.throws(
    () => cursor.settle(lease!, { rejected: [], kept: [] }),
    (error) => error instanceof ConnectorError && error.code === 'Unexpected',
  )
})

test('without the rule of distinct ids, messages with the same id are all in a batch', async () => {
  const rig = await rigWith(['a', 'b', 'a'])

  const lease = await cursorOf(rig).lease(10, 1_000)

  assert.deepEqual(idsOf(lease!.messages), ['a', 'b', 'a'])
  assert.deepEqual(rig.dropped, [])
})

test('a second message with the same id in a batch is dropped and reported to its sender', async () => {
  const rig = await rigWith(['a', 'b', 'a', 'c'])
  const cursor = cursorOf(rig)

  const lease = await cursor.lease(10, 1_000, { hasDistinctIds: true })
  cursor.settle(lease!, { rejected: [], kept: [] })

  assert.deepEqual(idsOf(lease!.messages), ['a', 'b', 'c'])
  assert.deepEqual(
    rig.dropped.map(({ id, error }) => [id, error]),
    [['a', 'DuplicateMessageId']],
  )
  assert.match(rig.dropped[0]!.message, /batch for channel c already has a message with the id a/)
  assert.deepEqual(rig.ledger('c').dropped, { DuplicateMessageId: 1 })
  assert.equal(ledgerGap(rig.ledger('c')), 0)
})

test('different ids with the same hash are no duplicates', async () => {
  const rig = await rigWith(['AaBB', 'BBAa', 'AaAa', 'BBAa', 'c'])

  const lease = await cursorOf(rig).lease(10, 1_000, { hasDistinctIds: true })

  assert.deepEqual(idsOf(lease!.messages), ['AaBB', 'BBAa', 'AaAa', 'c'])
  assert.deepEqual(rig.ledger('c').dropped, { DuplicateMessageId: 1 })
})

test('the same id in different batches is no duplicate', async () => {
  const rig = await rigWith(['a', 'a'])

  const first = await rig.deliver('c', 1)
  const second = await rig.deliver('c', 1)

  assert.deepEqual([first, second], [['a'], ['a']])
})

test('damaged messages are skipped and counted', async () => {
  const disk = new FakeDisk()
  const rig = await rigWith(['a', 'b', 'c', 'd', 'e'], disk)
  disk.damage('c', 1, 3)
  disk.damage('c', 4, 5)

  const ids = await rig.deliver('c')
  const rest = await rig.deliver('c')

  assert.deepEqual([...ids, ...rest], ['a', 'd'])
  assert.deepEqual(rig.ledger('c').dropped, { DataDamaged: 3 })
  assert.equal(rig.ledger('c').waiting, 0)
})

test('damage found at start is counted once, and only for messages not settled before', async () => {
  const disk = new FakeDisk()
  const before = await rigWith(['a', 'b', 'c', 'd'], disk)
  await before.deliver('c', 2)
  await before.set.close()
  disk.damage('c', 1, 3)

  const rig = await rigWith([], disk)
  const ids = await rig.deliver('c')

  assert.deepEqual(ids, ['d'])
  assert.deepEqual(rig.ledger('c').dropped, { DataDamaged: 1 })
  assert.equal(rig.ledger('c').delivered, 3)
})

test('positions, holes and counts survive a restart; messages in flight are leased again', async () => {
  const disk = new FakeDisk()
  const before = await rigWith(['a', 'b', 'c', 'd', 'e'], disk)
  const lease = await cursorOf(before).lease(4, 1_000)
  cursorOf(before).settle(lease!, { rejected: [1], kept: [0, 3] })
  await cursorOf(before).lease(1, 1_000)
  await before.set.flush()
  disk.crash()

  const rig = await rigWith([], disk)
  const row = rig.ledger('c')
  const ids = await rig.deliver('c')

  assert.equal(row.delivered, 1)
  assert.equal(row.rejected, 1)
  assert.equal(row.waiting, 3)
  assert.deepEqual(ids, ['a', 'd', 'e'])
})

test('after a crash only messages settled since the last checkpoint are delivered again', async () => {
  const disk = new FakeDisk()
  const before = await rigWith(['a', 'b', 'c', 'd'], disk)
  await before.deliver('c', 2)
  before.clock.advance(1_000)
  await new Promise((resolve) => setImmediate(resolve))
  await before.deliver('c', 1)
  disk.crash()

  const rig = await rigWith([], disk)

  assert.deepEqual(await rig.deliver('c'), ['c', 'd'])
  assert.equal(rig.ledger('c').delivered, 4)
})

test('after the state is lost all stored messages are delivered again, and the ledger adds up', async () => {
  const disk = new FakeDisk()
  const before = await rigWith(['a', 'b'], disk)
  await before.deliver('c')
  await before.set.close()
  disk.media.get('c')!.state = undefined

  const rig = await rigWith([], disk)

  assert.equal(ledgerGap(rig.ledger('c')), 0)
  assert.deepEqual(await rig.deliver('c'), ['a', 'b'])
})

test('a cursor is informed once per commit that more can be read', async () => {
  const rig = await rigWith(['a'])
  let calls = 0
  cursorOf(rig).onReadable = () => {
    calls += 1
  }

  for (const id of ['b', 'c', 'd']) rig.offer('c', id)
  await rig.set.flush()

  assert.equal(calls, 1)
  assert.equal(cursorOf(rig).waiting, 4)
})

test('the arrival of the oldest waiting message is known to within a commit, and 0 after a restart', async () => {
  const disk = new FakeDisk()
  const rig = await rigWith(['a', 'b'], disk)
  const firstAt = rig.clock.now()
  rig.clock.advance(500)
  rig.offer('c', 'c')
  await rig.set.flush()
  const cursor = cursorOf(rig)

  assert.equal(cursor.oldestWaitingAt, firstAt)
  await rig.deliver('c', 1)
  assert.equal(cursor.oldestWaitingAt, firstAt)
  await rig.deliver('c', 1)
  assert.equal(cursor.oldestWaitingAt, firstAt + 500)
  disk.crash()
  const restarted = await rigWith([], disk)
  assert.equal(cursorOf(restarted).oldestWaitingAt, 0)
  await restarted.deliver('c')
  assert.equal(cursorOf(restarted).oldestWaitingAt, undefined)
})

test('each cursor has a position and counts of its own; the ledger follows the first', async () => {
  const rig = new ChannelSetRig({ cursorNames: ['primary', 'archive'] })
  await rig.set.open()
  for (const id of ['a', 'b', 'c']) rig.offer('c', id)
  await rig.set.flush()

  await rig.deliver('c', 3, 'primary')
  await rig.deliver('c', 1, 'archive')

  const row = rig.ledger('c')
  assert.equal(row.delivered, 3)
  assert.equal(row.waiting, 0)
  assert.deepEqual(row.readers['archive'], {
    delivered: 1,
    rejected: 0,
    dropped: {},
    expired: 0,
    waiting: 2,
    inFlight: 0,
  })
  assert.equal(rig.set.get('c')!.backlog, 2)
})

test('without cursors a commit delivers, and the log keeps the history it has room for', async () => {
  const rig = new ChannelSetRig({ cursorNames: [], keepsHistory: true, memoryBytes: 2_000 })
  await rig.set.open()

  for (let i = 0; i < 50; i += 1) {
    assert.ok(rig.offer('c', `m${i}`) > 0)
    await rig.set.flush()
  }

  const row = rig.ledger('c')
  const kept = await rig.set.get('c')!.log.read(0, 100, 10_000)
  assert.equal(row.delivered, 50)
  assert.equal(ledgerGap(row), 0)
  assert.equal(kept.at(-1)?.senderId, 'm49')
  assert.ok(kept.length > 5 && kept.length < 50)
  assert.ok(rig.budget.held <= 2_000)
})
