/** Limits that have cost a message and still have no room for it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChannelSetRig, openRig } from '../../../support/channels/channel-set-rig.ts'

async function deliverAll(rig: ChannelSetRig, channel: string): Promise<void> {
  await rig.set.flush()
  await rig.deliver(channel)
}

test('a limit that no message has met is not named, even if nothing more fits', async () => {
  const rig = await openRig({ bounds: { maxBacklogMessages: 1 } })

  rig.offer('c', 'a')

  assert.deepEqual(rig.set.hits.stillMet(), [])
})

for (const dropBehavior of ['DROP_NEWEST', 'DROP_OLDEST'] as const) {
  test(`a full queue is named until messages have left it (${dropBehavior})`, async () => {
    const rig = await openRig({ bounds: { maxBacklogMessages: 1, dropBehavior } })

    rig.offer('c', 'a')
    rig.offer('c', 'b')
    const met = rig.set.hits.stillMet()
    await deliverAll(rig, 'c')

    assert.deepEqual(met, ['QueueFull'])
    assert.deepEqual(rig.set.hits.stillMet(), [])
  })
}

test('full memory is named until the message that was refused would fit', async () => {
  const rig = await openRig({ memoryBytes: 400 })

  while (rig.offer('c', 'a') >= 0);
  const met = rig.set.hits.stillMet()
  await deliverAll(rig, 'c')

  assert.deepEqual(met, ['MemoryFull'])
  assert.deepEqual(rig.set.hits.stillMet(), [])
})

test('too many active channels are named until one has drained', async () => {
  const rig = await openRig({ bounds: { maxActiveChannels: 1 } })

  rig.offer('a', '1')
  rig.offer('b', '1')
  const met = rig.set.hits.stillMet()
  await deliverAll(rig, 'a')

  assert.deepEqual(met, ['ActiveChannelLimit'])
  assert.deepEqual(rig.set.hits.stillMet(), [])
})
