/** The journal on disks that are full, refuse calls, or are changed by others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitError } from '../../../../../src/channels/log/channel-log.ts'
import { binaryDraft, readAll } from '../../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE } from '../../../../support/disk/disk-stores.ts'
import {
  JournalTrial,
  promptClock,
  SLOT_BYTES,
  slotFiles,
  withoutJournal,
} from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'
import { settled } from '../../../../support/settled.ts'

test('on a full disk, commits succeed until the slots are full, and no acknowledged message is lost', async () => {
  const trial = new JournalTrial(11)
  await trial.open()
  trial.append('press_1')
  await trial.commit()
  await settled()
  trial.disk.capacityBytes = trial.disk.bytes
  const commit = async () => {
    trial.append('press_1', 2)
    trial.append('press_2', 2)
    return trial.commit()
  }

  const whileFull: boolean[] = []
  for (let round = 0; round < 20; round++) whileFull.push(await commit())
  await trial.check()
  trial.release('press_1')
  const withStates: boolean[] = []
  for (let round = 0; round < 30; round++) {
    trial.release('press_2', 6)
    withStates.push(await trial.commit())
  }
  await trial.check()
  await trial.crash()
  await trial.check()
  trial.disk.capacityBytes = Number.POSITIVE_INFINITY
  const afterwards: boolean[] = []
  for (let round = 0; round < 20; round++) afterwards.push(await commit())

  assert.ok(whileFull.filter((isStored) => isStored).length >= 2, `${whileFull}`)
  assert.ok(!whileFull.at(-1), 'there is an end to it')
  assert.ok(
    withStates.every((isStored) => isStored),
    `${withStates}`,
  )
  assert.ok(afterwards.every((isStored) => isStored))
  await trial.check()
})

test('a commit finds that the disk refuses writes, and a probe finds that it accepts them again', async () => {
  const disk = new SimulatedDisk(seededRandom(12))
  const store = diskStore({ clock: promptClock, files: disk, slotBytes: SLOT_BYTES })
  await store.open()
  const log = store.create('press_1')
  log.append(binaryDraft(Buffer.alloc(1_000)))
  await store.commit()
  await settled()
  disk.capacityBytes = disk.bytes
  let failure: unknown
  for (let round = 0; round < 40 && failure === undefined; round++) {
    log.append(binaryDraft(Buffer.alloc(3_000, round)))
    await store.commit().catch((error: unknown) => {
      failure = error
    })
  }

  await assert.rejects(store.probe(), { code: 'ENOSPC' })
  disk.capacityBytes += 200_000
  await store.probe()
  log.append(binaryDraft(Buffer.alloc(3_000)))
  await store.commit()

  assert.ok(failure instanceof CommitError)
  assert.equal((await readAll(log)).length, log.committed)
})

test('slots that can’t be opened for a while are used again afterwards', async () => {
  const trial = new JournalTrial(13)
  await trial.open()
  trial.append('press_1')
  await trial.commit()
  await settled()
  const before = slotFiles(trial.disk)

  for (let outage = 0; outage < 5; outage++) {
    trial.disk.fail = (operation, path) =>
      path.endsWith('.jnl') && ['open', 'write'].includes(operation) ? 'EMFILE' : undefined
    for (let round = 0; round < 8; round++) {
      trial.append('press_1')
      await trial.commit()
    }
    trial.disk.fail = () => undefined
    for (let round = 0; round < 20; round++) {
      trial.append('press_1', 2)
      assert.ok(await trial.commit())
      trial.release('press_1')
    }
  }

  await trial.check()
  assert.ok(slotFiles(trial.disk).length <= before.length + 1, `${slotFiles(trial.disk)}`)
})

test('a journal that was moved away costs a few commits, but no room and no message acknowledged later', async () => {
  const trial = new JournalTrial(14)
  await trial.open()
  trial.append('press_1')
  await trial.commit()
  trial.release('press_1')
  await trial.commit()
  await settled()
  const before = trial.store.bytes
  withoutJournal(trial.disk)

  const kept: boolean[] = []
  for (let round = 0; round < 40; round++) {
    trial.append('press_1', 2)
    kept.push(await trial.commit())
    trial.release('press_1')
  }

  assert.ok(kept.filter((isKept) => !isKept).length <= 6, `${kept}`)
  assert.ok(kept.slice(-30).every((isKept) => isKept))
  await trial.check()
  assert.ok(trial.store.bytes <= before + 2 * SLOT_BYTES, `${trial.store.bytes}, not ${before}`)
})

test('all files together never exceed maxBytes, and the store’s own figure neither', async () => {
  for (const historyBytes of [0, 4 * MEBIBYTE]) {
    const maxBytes = 4 * MEBIBYTE
    const random = seededRandom(15)
    const disk = new SimulatedDisk(random)
    const store = diskStore({
      clock: promptClock,
      files: disk,
      maxBytes,
      historyBytes,
      segmentBytes: 200_000,
    })
    await store.open()
    const logs = ['a', 'b', 'c', 'stuck'].map((channel) => store.create(channel))
    let refused = 0
    let failed = 0

    for (let round = 0; round < 700; round++) {
      for (const log of logs) {
        for (let count = Math.floor(random() * 6); count > 0; count--) {
          const payload = Buffer.alloc(Math.floor(random() * 3_000), round)
          const bytes = payload.length + 150
          if (store.bytes + bytes <= maxBytes || store.makeRoom(bytes)) {
            log.append(binaryDraft(payload))
          } else {
            refused++
          }
        }
      }
      await store.commit().catch(() => {
        failed++
      })
      if (round % 200 < 120) continue
      for (const log of logs.slice(0, 3)) {
        log.noteState({ version: 1, cursors: {}, refused: {} }, log.committed - 40)
      }
    }
    const { bytes } = store
    await store.close()

    assert.ok(disk.peakBytes <= maxBytes, `${disk.peakBytes} bytes`)
    assert.ok(refused > 100, `${refused} refused`)
    assert.equal(failed, 0)
    assert.ok(bytes >= disk.bytes - 8192, `${bytes}, not ${disk.bytes}`)
  }
})
