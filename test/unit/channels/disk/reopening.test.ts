/** Channels whose files could not be opened at the start are opened while the connector runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskLogStore } from '../../../../src/channels/disk/disk-log-store.ts'
import type { ChannelLog } from '../../../../src/channels/log/channel-log.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { draftOf, readAll, textsOf } from '../../../support/channels/log-drafts.ts'
import {
  BROKEN,
  crashedWithTwo,
  FAILING_CALLS,
  failing,
} from '../../../support/disk/broken-channel.ts'
import { diskStore } from '../../../support/disk/disk-stores.ts'
import { type JournalTrial, promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'
import type { SimulatedDisk } from '../../../support/disk/simulated-disk.ts'

/** A store whose clock the test moves. */
function storeOn(disk: SimulatedDisk) {
  const time = { ms: 0 }
  const reports: string[] = []
  const reopened: ChannelLog[] = []
  const store = diskStore({
    files: disk,
    clock: { ...promptClock, monotonic: () => time.ms },
    slotBytes: SLOT_BYTES,
    observer: {
      ...silentObserver,
      storageFailed: (channel) => void reports.push(`${channel} failed`),
      storageRecovered: (channel) => void reports.push(`${channel} recovered`),
      damageFound: (channel) => void reports.push(`${channel} damaged`),
    },
  })
  store.onReopened = (log) => void reopened.push(log)
  return { store, time, reports, reopened }
}

/** Slots are used again and again, and those that hold messages of the broken channel are not. */
async function useSlots(store: DiskLogStore, log: ChannelLog): Promise<void> {
  for (let round = 0; round < 60; round++) {
    log.append(draftOf('x'.repeat(2_000)))
    await store.commit()
    log.release(log.committed)
  }
}

/** Opens a store on a disk that fails, uses it, and lets the disk work again. */
async function openedLater({ disk }: JournalTrial) {
  const { store, time, reports, reopened } = storeOn(disk)
  const logs = await store.open()
  const fine = logs.find(({ channel }) => channel === 'fine')
  assert.ok(fine !== undefined)
  await useSlots(store, fine)

  disk.fail = () => undefined
  time.ms = 5_000
  await store.retryFaults()
  const [log] = reopened
  assert.ok(log !== undefined)
  return { store, log, reports }
}

for (const call of FAILING_CALLS) {
  const what = `${call.operation} of ${call.path} failed with ${call.code}`
  test(`a channel that was set aside because ${what} is opened while the connector runs, with all its messages`, async () => {
    const trial = await crashedWithTwo()
    const expected = textsOf(await readAll(trial.log('broken')))
    trial.disk.fail = failing(call)
    const { store, time, reports, reopened } = storeOn(trial.disk)
    const logs = await store.open()
    const fine = logs.find(({ channel }) => channel === 'fine')
    assert.ok(fine !== undefined)
    await useSlots(store, fine)

    time.ms = 5_000
    await store.retryFaults()
    assert.deepEqual([reports, reopened], [['broken failed'], []])
    trial.disk.fail = () => undefined
    time.ms = 15_000
    await store.retryFaults()
    const [log] = reopened
    assert.ok(log !== undefined)
    const found = textsOf(await readAll(log))
    log.append(draftOf('after'))
    await store.commit()
    await useSlots(store, fine)
    const { faults } = store

    assert.deepEqual(found, expected)
    assert.deepEqual(textsOf(await readAll(log)), [...expected, 'after'])
    assert.deepEqual([reports, faults], [['broken failed', 'broken recovered'], []])
    // The process is killed, and the next one stops.
    for (let start = 0; start < 2; start++) {
      const next = storeOn(trial.disk).store
      const again = (await next.open()).find(({ channel }) => channel === 'broken')
      assert.deepEqual(again && textsOf(await readAll(again)), [...expected, 'after'])
      await next.close()
    }
  })
}

test('a channel that was set aside after a clean stop has all its messages once it can be opened', async () => {
  const trial = await crashedWithTwo()
  const expected = textsOf(await readAll(trial.log('broken')))
  await trial.store.close()
  trial.disk.fail = failing({ operation: 'open', path: '.log', code: 'EIO' })
  const { store, log } = await openedLater(trial)
  const found = textsOf(await readAll(log))
  log.append(draftOf('after'))
  await store.commit()
  await store.close()
  const next = storeOn(trial.disk).store
  const again = (await next.open()).find(({ channel }) => channel === 'broken')

  assert.deepEqual(found, expected)
  assert.deepEqual(again && textsOf(await readAll(again)), [...expected, 'after'])
})

test('messages that were released before a channel was set aside do not come back when it is opened', async () => {
  const trial = await crashedWithTwo()
  trial.release('broken', 2)
  await trial.commit()
  trial.disk.fail = failing({ operation: 'list', path: BROKEN, code: 'EACCES' })
  const { store, log, reports } = await openedLater(trial)
  const found = await readAll(log, 8)

  assert.equal(log.committed, 10)
  assert.deepEqual(
    found.map(({ offset }) => offset),
    [8, 9],
  )
  assert.deepEqual(reports, ['broken failed', 'broken recovered'])
  await store.close()
})

test('a channel that can’t be opened is tried again after pauses that grow up to a minute', async () => {
  const trial = await crashedWithTwo()
  let attempts = 0
  trial.disk.fail = (operation, path) => {
    if (operation !== 'list' || path !== BROKEN) return undefined
    attempts++
    return 'EACCES'
  }
  const { store, time, reports } = storeOn(trial.disk)
  await store.open()
  attempts = 0
  const triedAt: number[] = []

  for (; time.ms <= 240_000; time.ms += 1_000) {
    const before = attempts
    await store.retryFaults()
    if (attempts > before) triedAt.push(time.ms / 1_000)
  }

  assert.deepEqual(triedAt, [5, 15, 35, 75, 135, 195])
  assert.deepEqual(reports, ['broken failed'])
  await store.close()
})
