/** Reading a data directory while a connector writes, settles and removes in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChunkPart, storedChunks } from '../../../../src/channels/disk/stored-chunks.ts'
import { ChannelSetRig } from '../../../support/channels/channel-set-rig.ts'
import { diskStore } from '../../../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const MESSAGES = 400

async function rigWithSmallSlots() {
  const disk = new SimulatedDisk(seededRandom(7))
  const rig = new ChannelSetRig({
    openStore: () => diskStore({ files: disk, slotBytes: 20_480, segmentBytes: 4_000 }),
  })
  await rig.set.open()
  let number = 0
  const offer = async (count: number) => {
    for (const end = number + count; number < end; number++) {
      rig.offer('press', `${number}`, 'x'.repeat(500))
      if (number % 5 === 0) await rig.set.flush()
    }
    await rig.set.flush()
  }
  return { disk, rig, offer }
}

function offsetsOf({ from, to }: ChunkPart): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

test('messages that are moved to segments while they are read are found there', async () => {
  const { disk, rig, offer } = await rigWithSmallSlots()
  await offer(MESSAGES)
  const offsets: number[] = []

  for await (const part of storedChunks('/data', { channel: 'press', to: MESSAGES }, disk)) {
    offsets.push(...offsetsOf(part))
    // All slots are settled and used again between two parts.
    if (offsets.length < MESSAGES) await offer(200)
  }

  assert.deepEqual(
    offsets,
    Array.from({ length: MESSAGES }, (_, offset) => offset),
  )
  await rig.set.close()
})

test('messages that are removed while they are read are left out, and reading ends', async () => {
  const { disk, rig, offer } = await rigWithSmallSlots()
  await offer(MESSAGES)
  const offsets: number[] = []

  for await (const part of storedChunks('/data', { channel: 'press', to: MESSAGES }, disk)) {
    offsets.push(...offsetsOf(part))
    while ((await rig.deliver('press')).length > 0) await rig.set.flush()
    await offer(200)
  }

  assert.deepEqual(
    offsets,
    offsets.toSorted((a, b) => a - b),
  )
  assert.ok(offsets.length < MESSAGES, `${offsets.length} messages`)
  await rig.set.close()
})
