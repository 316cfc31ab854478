/** How long an outage of the destinations can last, from the rate of the last minutes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutageWatch } from '../../../src/operator/outage-watch.ts'
import { ChannelSetRig } from '../../support/channels/channel-set-rig.ts'

async function watched(maxAgeMs?: number) {
  const rig = new ChannelSetRig()
  await rig.set.open()
  let takenBytes = 0
  let freeBytes = 1_000_000
  const watch = new OutageWatch({
    channels: rig.set,
    clock: rig.clock,
    maxBacklogMessages: 1_000,
    rulesFor: () => ({ maxAgeMs }),
    takenBytes: () => takenBytes,
    room: () => ({ freeBytes, bound: 'storage.maxBytes' }),
  })
  /** One message of `bytes` in channel c. */
  const take = async (bytes: number) => {
    rig.offer('c', `${takenBytes}`)
    takenBytes += bytes
    freeBytes -= bytes
    await rig.set.flush()
  }
  return { rig, watch, take }
}

test('the bound that is reached first decides', async () => {
  const { rig, watch, take } = await watched()
  watch.start()

  for (let second = 0; second < 10; second += 1) {
    rig.clock.advance(1_000)
    await take(10_000)
  }

  // 10 kB a second into 900 kB; 1 message a second into 990 places.
  assert.deepEqual(watch.forecast(), [{ channel: 'c', seconds: 90, bound: 'storage.maxBytes' }])
  watch.stop()
})

test('the age of the oldest waiting message counts against maxAge', async () => {
  const { rig, watch, take } = await watched(60_000)
  watch.start()

  await take(1)
  rig.clock.advance(10_000)
  await take(1)

  assert.deepEqual(watch.forecast(), [{ channel: 'c', seconds: 50, bound: 'maxAge' }])
  watch.stop()
})

test('there is no forecast before a second has passed, and none for a channel that is quiet', async () => {
  const { watch, take } = await watched()
  assert.deepEqual(watch.forecast(), [])
  watch.start()
  await take(10_000)

  assert.deepEqual(watch.forecast(), [])
  watch.stop()

  const quiet = await watched()
  quiet.watch.start()
  quiet.rig.clock.advance(5_000)
  assert.deepEqual(quiet.watch.forecast(), [])
  quiet.watch.stop()
})

test('the rate is that of the last five minutes: an old burst is forgotten', async () => {
  const { rig, watch, take } = await watched()
  watch.start()
  await take(500_000)

  for (let minute = 0; minute < 6; minute += 1) rig.clock.advance(60_000)

  assert.deepEqual(watch.forecast(), [])
  watch.stop()
})
