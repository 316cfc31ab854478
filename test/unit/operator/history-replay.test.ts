/** Stored messages appended to their channel again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryReplayRequest } from '../../../src/http/views/history-replay-view.ts'
import { HistoryReplay } from '../../../src/operator/history-replay.ts'
import { ChannelSetRig, type RigOptions } from '../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../support/disk/fake-log-store.ts'

const ALL: HistoryReplayRequest = {
  channel: 'c',
  from: 'earliest',
  limit: 10_000,
  isDryRun: false,
}

async function rigWith(ids: readonly string[], options: RigOptions = {}, queue = 1e9) {
  const rig = new ChannelSetRig({ disk: new FakeDisk(), ...options })
  await rig.set.open()
  const replay = new HistoryReplay({
    channels: rig.set,
    clock: rig.clock,
    maxBacklogMessages: queue,
  })
  replay.start()
  for (const id of ids) {
    rig.clock.advance(1_000)
    rig.offer('c', id)
    await rig.set.flush()
  }
  return { rig, replay }
}

test('delivered messages are sent again with their message ids, and messages that still wait are left out', async () => {
  const { rig, replay } = await rigWith(['a', 'b', 'c', 'd'])
  await rig.deliver('c', 3)

  const dry = await replay.replayHistory({ ...ALL, isDryRun: true })
  const report = await replay.replayHistory(ALL)

  assert.deepEqual([dry?.matched, dry?.replayed, dry?.to], [3, 0, 3])
  assert.deepEqual([report?.matched, report?.replayed, report?.next], [3, 3, undefined])
  assert.deepEqual(await rig.deliver('c'), ['d', 'a', 'b', 'c'])
  assert.equal(rig.ledger('c').received, 7)
})

test('a replay begins and ends at a time or an offset', async () => {
  const { rig, replay } = await rigWith(['a', 'b', 'c', 'd'])
  await rig.deliver('c')
  const lastAt = rig.clock.now()

  const byTime = await replay.replayHistory({
    ...ALL,
    from: { timeMs: lastAt - 2_000 },
    to: { timeMs: lastAt },
  })
  const sent = await rig.deliver('c')
  const byOffset = await replay.replayHistory({ ...ALL, from: { offset: 1 }, to: { offset: 2 } })

  assert.equal(byTime?.matched, 2)
  assert.equal(byTime?.firstReceivedAt, lastAt - 2_000)
  assert.deepEqual(sent, ['b', 'c'])
  assert.equal(byOffset?.matched, 1)
  assert.deepEqual(await rig.deliver('c'), ['b'])
})

test('a call ends at its limit, and the next one goes on with the same end', async () => {
  const { rig, replay } = await rigWith(['a', 'b', 'c'])
  await rig.deliver('c')

  const first = await replay.replayHistory({ ...ALL, limit: 2 })
  await rig.deliver('c')
  const to = { offset: first?.to ?? -1 }
  const second = await replay.replayHistory({ ...ALL, from: { offset: first?.next ?? -1 }, to })

  assert.deepEqual([first?.replayed, first?.next, first?.to], [2, 2, 3])
  assert.deepEqual([second?.replayed, second?.next], [1, undefined], 'no copy is replayed')
  assert.deepEqual(await rig.deliver('c'), ['c'])
})

test('a call ends early while many messages wait, so that a replay never fills the queue', async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `m${index}`)
  const bounds = { maxBacklogMessages: 8, dropBehavior: 'DROP_OLDEST' } as const
  const { rig, replay } = await rigWith([], { bounds }, 8)
  for (const id of ids) {
    rig.offer('c', id)
    await rig.set.flush()
    await rig.deliver('c')
  }
  const sent: string[] = []
  let from: HistoryReplayRequest['from'] = 'earliest'
  let rounds = 0
  for (let next: number | undefined = 0; next !== undefined; rounds += 1) {
    const report = await replay.replayHistory({ ...ALL, from, to: { offset: 20 } })
    assert.ok((report?.waiting ?? 9) <= 6, 'at most three quarters of the queue')
    next = report?.next
    from = { offset: next ?? -1 }
    sent.push(...(await rig.deliver('c')))
  }

  assert.deepEqual(sent, ids)
  assert.ok(rounds > 3)
  assert.deepEqual(rig.dropped, [])
})

test('ids that deduplication remembers are not sent, and counted', async () => {
  const rules = { deduplication: { windowMs: 3_600_000, maxIds: 100 } }
  const { rig, replay } = await rigWith(['a', 'b'], { rules })
  await rig.deliver('c')

  const report = await replay.replayHistory(ALL)

  assert.deepEqual([report?.matched, report?.replayed, report?.duplicates], [2, 0, 2])
  assert.deepEqual(await rig.deliver('c'), [])
})

test('a replay stops when storage fails, says why and where to go on, and no message of it is lost', async () => {
  const disk = new FakeDisk()
  const { rig, replay } = await rigWith(['a', 'b'], { disk })
  await rig.deliver('c')
  disk.failure = 'EIO'

  const stopped = await replay.replayHistory(ALL)
  disk.failure = undefined
  rig.clock.advance(10_000)
  await new Promise((resolve) => setImmediate(resolve))
  const again = await replay.replayHistory({ ...ALL, from: { offset: stopped?.next ?? -1 } })

  assert.equal(stopped?.stopped?.error, 'StorageFailed')
  assert.deepEqual([stopped?.replayed, stopped?.next], [0, 0])
  assert.equal(again?.replayed, 2)
  assert.deepEqual(await rig.deliver('c'), ['a', 'b'])
})

test('a channel that does not exist has no history', async () => {
  const { replay } = await rigWith([])

  assert.equal(await replay.replayHistory({ ...ALL, channel: 'other' }), undefined)
})
