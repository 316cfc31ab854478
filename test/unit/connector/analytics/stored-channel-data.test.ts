import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoredChannelData } from '../../../../src/connector/analytics/stored-channel-data.ts'
import { ChannelSetRig } from '../../../support/channels/channel-set-rig.ts'
import { crashedWithTwo, failing } from '../../../support/disk/broken-channel.ts'
import { diskStore } from '../../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'

const ALL = { from: 0, until: Number.POSITIVE_INFINITY, maxMessages: 10 }

test('a channel that is set aside is there, and its messages can’t be read now', async () => {
  const trial = await crashedWithTwo()
  trial.disk.fail = failing({ operation: 'open', path: '.log', code: 'EIO' })
  const rig = new ChannelSetRig({
    openStore: () => diskStore({ files: trial.disk, clock: promptClock, slotBytes: SLOT_BYTES }),
  })
  await rig.set.open()
  const data = new StoredChannelData(rig.set)

  const facts = await data.facts('broken')

  assert.deepEqual([...data.names()].sort(), ['broken', 'fine'])
  assert.deepEqual(facts, { bytes: 0, firstArrival: undefined, lastArrival: undefined })
  await assert.rejects(data.sample('broken', ALL), { code: 'StorageFailed' })
  assert.equal((await data.sample('fine', ALL)).length, 10)
  assert.equal(await data.facts('unknown'), undefined)
  assert.deepEqual(await data.sample('unknown', ALL), [])
  await rig.set.close()
})
