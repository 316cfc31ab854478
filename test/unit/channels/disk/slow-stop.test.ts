/** Stopping on a disk whose syncs take long; time passes on a clock of the test's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../../../src/clock.ts'
import { draftOf, readAll } from '../../../support/channels/log-drafts.ts'
import { diskStore } from '../../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'
import {
  type Operation,
  SimulatedDisk,
  seededRandom,
} from '../../../support/disk/simulated-disk.ts'
import { until } from '../../../support/until.ts'

/** A disk on which syncs, and writes that are durable at once, take `syncMs`. */
function slowDisk(seed: number) {
  const disk = new SimulatedDisk(seededRandom(seed))
  let now = 0
  const slow = { syncMs: 0, syncs: 0 }
  disk.fail = (operation: Operation, path) => {
    const isDurable = operation === 'write' && path.includes('/journal/')
    if (isDurable || operation === 'sync' || operation === 'syncDirectory') {
      now += slow.syncMs
      slow.syncs++
    }
    return undefined
  }
  const clock: Clock = { ...promptClock, monotonic: () => now }
  return { disk, clock, slow, elapsed: () => now }
}

/** Standing slots are created in the background; the last call for one syncs their directory. */
function isFilled(disk: SimulatedDisk): boolean {
  const slots = disk.files.filter((path) => path.endsWith('.jnl'))
  return (
    slots.length === 5 && slots.every((path) => disk.contentOf(path).length === SLOT_BYTES * 16)
  )
}

for (const [channels, syncMs] of [
  [40, 200],
  [500, 200],
  [500, 25_000],
] as const) {
  test(`a stop with ${channels} channels and ${syncMs} ms for each sync keeps to its time, and loses nothing`, async () => {
    const { disk, clock, slow, elapsed } = slowDisk(channels)
    const store = diskStore({ files: disk, clock, slotBytes: SLOT_BYTES * 16 })
    await store.open()
    for (let index = 0; index < channels; index++) {
      store.create(`c_${index}`).append(draftOf(`message ${index}`))
    }
    await store.commit()
    await until('all slots of the journal exist', () => isFilled(disk))
    slow.syncMs = syncMs

    const before = elapsed()
    await store.close(1_000)
    const took = elapsed() - before

    // What is under way when the time is over ends: two logs, with a file and its directory each.
    assert.ok(took <= 1_000 + 6 * syncMs, `${took} ms`)
    slow.syncMs = 0
    const next = diskStore({ files: disk, clock, slotBytes: SLOT_BYTES * 16 })
    const logs = await next.open()
    const counts = await Promise.all(logs.map(async (log) => (await readAll(log)).length))
    assert.deepEqual(
      counts,
      Array.from({ length: channels }, () => 1),
    )
    await next.close()
  })
}

test('channels that have not changed since the start cost a stop no sync', async () => {
  const { disk, clock, slow } = slowDisk(3)
  const options = { files: disk, clock, slotBytes: SLOT_BYTES }
  const first = diskStore(options)
  await first.open()
  for (let index = 0; index < 40; index++) first.create(`c_${index}`).append(draftOf('1'))
  await first.commit()
  await first.close()
  const store = diskStore(options)
  await store.open()
  const before = slow.syncs

  await store.close()

  assert.equal(slow.syncs, before)
})
