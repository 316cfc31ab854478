import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ledgerGap, offerAndCommit, openRig } from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'

test('messages older than maxAge are not leased; their senders get receipts', async () => {
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

test('messages expire also while nothing is delivered, except those in flight', async () => {
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
  await settled()

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
  await settled()

  assert.equal(rig.ledger('c').expired, 1)
  assert.equal(rig.ledger('c').waiting, 1)
})
