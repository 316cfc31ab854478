/** Dead letters read, filtered and offered to their channels again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplayRequest } from '../../../src/http/views/dead-letters-view.ts'
import { DeadLetterReplay } from '../../../src/operator/dead-letter-replay.ts'
import { ChannelSetRig, type RigOptions } from '../../support/channels/channel-set-rig.ts'
import { routerOf } from '../../support/channels/router-of.ts'
import { FakeDisk } from '../../support/disk/fake-log-store.ts'

const TOPIC = 'iotanalytics/channels/c/messages/put'
const ALL: ReplayRequest = { filter: {}, from: 0, limit: 1_000, isDryRun: false }

async function openReplay(options: RigOptions = {}) {
  const rig = new ChannelSetRig({
    deadLetters: { maxMessages: 100, maxBytes: 1_000_000 },
    ...options,
  })
  await rig.set.open()
  const router = routerOf(rig, { deadLetters: rig.set.deadLetters })
  const replay = new DeadLetterReplay({ channels: rig.set, router, clock: rig.clock })
  replay.start()
  const keep = (id: string, destination: string | undefined, payload = id, channel = 'c') => {
    rig.clock.advance(1_000)
    const isKept = rig.set.deadLetters?.keep({
      channel,
      destination,
      refusal: { error: destination === undefined ? 'InvalidMessage' : 'Rejected', message: 'no' },
      topic: TOPIC,
      receivedAt: rig.clock.now(),
      senderId: id,
      messageId: undefined,
      payload: Buffer.from(payload),
    })
    assert.equal(isKept, true)
  }
  const idsLeft = async () => {
    const page = await replay.readDeadLetters({}, 0, 1_000)
    return page?.letters.map(({ senderId }) => senderId)
  }
  return { rig, replay, keep, idsLeft }
}

test('a page has the letters that the filter names, and says where the next page begins', async () => {
  const { rig, replay, keep } = await openReplay()
  keep('a', 'primary')
  keep('b', undefined)
  const since = rig.clock.now() + 1
  keep('c', 'primary')
  keep('d', 'other')
  await rig.set.flush()
  const idsOf = async (filter: ReplayRequest['filter'], from = 0, limit = 10) => {
    const page = await replay.readDeadLetters(filter, from, limit)
    return [page?.letters.map(({ senderId }) => senderId), page?.next]
  }

  assert.deepEqual(await idsOf({}, 0, 2), [['a', 'b'], 2])
  assert.deepEqual(await idsOf({}, 2, 2), [['c', 'd'], undefined])
  assert.deepEqual(await idsOf({ destination: 'primary' }), [['a', 'c'], undefined])
  assert.deepEqual(await idsOf({ error: 'InvalidMessage' }), [['b'], undefined])
  assert.deepEqual(await idsOf({ channel: 'd' }), [[], undefined])
  assert.deepEqual(await idsOf({ since }), [['c', 'd'], undefined])
  assert.deepEqual(await idsOf({ until: since }), [['a', 'b'], undefined])
})

test('a rejected message goes into its channel again, and leaves the dead letters once committed', async () => {
  const { rig, replay, keep, idsLeft } = await openReplay()
  keep('a', 'primary')
  keep('b', 'primary')
  await rig.set.flush()

  const report = await replay.replayDeadLetters(ALL)

  assert.deepEqual(report, { matched: 2, replayed: 2, refused: [], next: undefined, to: 2 })
  assert.deepEqual(await rig.deliver('c'), ['a', 'b'])
  assert.deepEqual(await idsLeft(), [])
})

test('a message that routing refused is routed again, and stays if it is refused again', async () => {
  const { rig, replay, keep, idsLeft } = await openReplay()
  keep('good', undefined, '{"request":{"message":"m"},"id":"good"}')
  keep('bad', undefined, 'not JSON')
  await rig.set.flush()

  const report = await replay.replayDeadLetters(ALL)

  assert.equal(report?.replayed, 1)
  assert.deepEqual(
    report?.refused.map(({ offset, refusal }) => [offset, refusal.error]),
    [[1, 'InvalidMessage']],
  )
  assert.deepEqual(await rig.deliver('c'), ['good'])
  assert.deepEqual(await idsLeft(), ['bad'])
})

test('a dry run counts, and changes nothing', async () => {
  const { rig, replay, keep, idsLeft } = await openReplay()
  keep('a', 'primary')
  await rig.set.flush()

  const report = await replay.replayDeadLetters({ ...ALL, isDryRun: true })

  assert.deepEqual([report?.matched, report?.replayed], [1, 0])
  assert.deepEqual(await idsLeft(), ['a'])
  assert.equal(rig.set.get('c'), undefined)
})

test('a channel that is full is tried once, and its other letters stay without counting as dropped', async () => {
  const { rig, replay, keep, idsLeft } = await openReplay({ bounds: { maxBacklogMessages: 1 } })
  for (const id of ['a', 'b', 'c', 'd']) keep(id, 'primary')
  await rig.set.flush()

  const report = await replay.replayDeadLetters(ALL)

  assert.equal(report?.replayed, 1)
  assert.deepEqual(
    report?.refused.map(({ refusal }) => refusal.error),
    ['QueueFull', 'QueueFull', 'QueueFull'],
  )
  assert.deepEqual(await idsLeft(), ['b', 'c', 'd'])
  assert.deepEqual(rig.ledger('c').dropped, { QueueFull: 1 })
})

test('a limit ends the round, and the next one goes on from there', async () => {
  const { rig, replay, keep } = await openReplay()
  for (const id of ['a', 'b', 'c']) keep(id, 'primary')
  await rig.set.flush()

  const first = await replay.replayDeadLetters({ ...ALL, limit: 2 })
  const second = await replay.replayDeadLetters({ ...ALL, from: first?.next ?? 0, to: first?.to })

  assert.deepEqual([first?.replayed, first?.next], [2, 2])
  assert.deepEqual([second?.replayed, second?.next], [1, undefined])
})

test('two replays at once run one after the other: no message is sent again twice', async () => {
  const { rig, replay, keep } = await openReplay()
  for (const id of ['a', 'b', 'c']) keep(id, 'primary')
  await rig.set.flush()

  const reports = await Promise.all([replay.replayDeadLetters(ALL), replay.replayDeadLetters(ALL)])

  assert.deepEqual(
    reports.map((report) => report?.replayed),
    [3, 0],
  )
  assert.deepEqual(await rig.deliver('c'), ['a', 'b', 'c'])
})

test('a letter stays if the commit of its message fails', async () => {
  const disk = new FakeDisk()
  const { rig, replay, keep, idsLeft } = await openReplay({ disk })
  keep('a', 'primary')
  await rig.set.flush()
  disk.failure = 'EIO'

  const report = await replay.replayDeadLetters(ALL)

  assert.equal(report?.replayed, 0)
  assert.equal(report?.refused[0]?.refusal.error, 'StorageFailed')
  assert.deepEqual(await idsLeft(), ['a'])
})

test('without dead letters there is nothing to read or replay', async () => {
  const rig = new ChannelSetRig()
  await rig.set.open()
  const router = routerOf(rig)
  const replay = new DeadLetterReplay({ channels: rig.set, router, clock: rig.clock })

  assert.equal(await replay.readDeadLetters({}, 0, 1), undefined)
  assert.equal(await replay.replayDeadLetters(ALL), undefined)
})
