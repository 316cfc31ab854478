import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRig } from '../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../support/disk/fake-log-store.ts'

for (const where of ['in memory', 'on disk'] as const) {
  const disk = () => (where === 'on disk' ? { disk: new FakeDisk() } : {})

  test(`${where}, a drained channel leaves its place to another`, async () => {
    const rig = await openRig({ ...disk(), bounds: { maxActiveChannels: 1 } })
    rig.offer('one', 'a')

    const refused = rig.offer('two', 'b')
    const { error, message } = rig.lastRefusal
    await rig.set.flush()
    await rig.deliver('one')
    const taken = rig.offer('two', 'c')

    assert.equal(refused, -1)
    assert.equal(error, 'ActiveChannelLimit')
    assert.match(message, /Channel two can't become active: .* 1 channel, .* IotAnalyticsMaxActive/)
    assert.ok(taken > 0)
    assert.deepEqual(rig.ledger('two').dropped, { ActiveChannelLimit: 1 })
    assert.equal(rig.ledger('two').received, 2)
    assert.equal(rig.offer('one', 'd'), -1)
  })
}

test('a channel above the limit is refused and counted; existing channels go on, also under a lower limit', async () => {
  for (const cursorNames of [['primary'], []]) {
    const disk = new FakeDisk()
    const before = await openRig({ disk, cursorNames, bounds: { maxChannels: 2 } })
    for (const channel of ['one', 'two']) assert.ok(before.offer(channel, 'a') > 0)

    const refused = before.offer('three', 'b')
    const { error, message } = before.lastRefusal
    const row = before.ledger('three')
    await before.set.close()
    const rig = await openRig({ disk, cursorNames, bounds: { maxChannels: 1 } })
    const taken = ['one', 'two'].map((channel) => rig.offer(channel, 'c'))

    assert.equal(refused, -1)
    assert.equal(error, 'ChannelLimit')
    assert.match(
      message,
      /Channel three does not exist.*storage.maxChannels allows no more than the 2 channels/,
    )
    assert.deepEqual([row.received, row.dropped], [1, { ChannelLimit: 1 }])
    assert.deepEqual([...disk.media.keys()], ['one', 'two'])
    assert.ok(taken.every((cycle) => cycle > 0))
    assert.equal(rig.offer('three', 'd'), -1)
    assert.equal(rig.lastRefusal.error, 'ChannelLimit')
  }
})

test('refusals for invented channel names share one row of the ledger above a number of names', async () => {
  const rig = await openRig({ bounds: { maxActiveChannels: 1 } })
  rig.offer('one', 'a')

  for (let i = 0; i < 3_000; i += 1) rig.offer(`made_up_${i}`, 'b')

  const rows = rig.set.ledger()
  assert.equal(rows.length, 1_002)
  assert.equal(
    rows.reduce((sum, row) => sum + row.received, 0),
    3_001,
  )
})

test('refused messages are in the ledger again after a restart', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk, bounds: { maxBacklogMessages: 1 } })
  for (const id of ['a', 'b', 'c']) before.offer('c', id)
  const row = before.ledger('c')
  await before.set.close()

  const rig = await openRig({ disk })

  assert.deepEqual(rig.ledger('c').dropped, { QueueFull: 2 })
  assert.deepEqual(rig.ledger('c').received, row.received)
})

test('closing commits all staged messages, and a second close does the same', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  before.offer('c', 'a')
  const closing = before.set.close()
  await Promise.all([closing, before.set.close()])

  const rig = await openRig({ disk })

  assert.deepEqual(await rig.deliver('c'), ['a'])
})

test('channels found at start and new ones are reported', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  before.offer('old', 'a')
  await before.set.close()
  const rig = await openRig({ disk })
  const reported: string[] = []

  rig.set.onChannel((channel) => reported.push(channel.name))
  rig.offer('fresh', 'b')
  rig.offer('fresh', 'c')

  assert.deepEqual(reported, ['old', 'fresh'])
})
