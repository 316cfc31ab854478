/** Settling slots to segments: beside commits, over restarts, and at a stop. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileLayer, OpenFile } from '../../../../../src/channels/disk/files/file-layer.ts'
import { ChannelSetRig } from '../../../../support/channels/channel-set-rig.ts'
import { binaryDraft, readAll } from '../../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE } from '../../../../support/disk/disk-stores.ts'
import {
  JournalTrial,
  journalStore,
  promptClock,
  SLOT_BYTES,
  slotFiles,
} from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'
import { settled } from '../../../../support/settled.ts'

/** The disk, with calls that wait for the promise that `before` returns. */
function heldDisk(
  disk: SimulatedDisk,
  before: (operation: 'write' | 'sync', path: string) => Promise<void> | undefined,
): FileLayer {
  const held = (file: OpenFile, path: string): OpenFile => ({
    ...file,
    write: async (...where) => {
      await before('write', path)
      await file.write(...where)
    },
    sync: async () => {
      await before('sync', path)
      await file.sync()
    },
  })
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    open: async (path, mode) => held(await disk.open(path, mode), path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
  }
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

test('a channel that nobody reads is settled and keeps every message, however often slots are used', async () => {
  const trial = new JournalTrial(1)
  await trial.open()

  for (let round = 0; round < 100; round++) {
    if (round % 10 === 0) trial.append('stuck')
    trial.append('quick', 3)
    await trial.commit()
    trial.release('quick')
  }

  await trial.check()
  assert.ok(slotFiles(trial.disk).length <= 6, `${slotFiles(trial.disk)}`)
  await trial.crash()
  await trial.check()
})

test('slots of several windows are settled with the bytes that were committed', async (t) => {
  const disk = new SimulatedDisk(seededRandom(5))
  const options = { files: disk, slotBytes: 2 * MEBIBYTE, segmentBytes: 8 * MEBIBYTE }
  const store = diskStore(options)
  await store.open()
  const logs = [store.create('press_1'), store.create('press_2')]
  const payloadOf = (index: number) => Buffer.alloc(60_000, index)
  for (let index = 0; index < 70; index++) {
    logs[index % 7 === 0 ? 1 : 0]?.append(binaryDraft(payloadOf(index)))
    await store.commit()
  }
  await store.close()

  const again = diskStore(options)
  t.after(() => again.close())
  const found = new Map((await again.open()).map((log) => [log.channel, log]))
  const segments = disk.files.filter((path) => path.endsWith('.log'))
  const [first, second] = await Promise.all(
    ['press_1', 'press_2'].map(async (name) => {
      const log = found.get(name)
      return log === undefined ? [] : (await readAll(log)).map(({ payload }) => payload)
    }),
  )

  assert.ok(segments.length > 1, `${segments}`)
  const all = Array.from({ length: 70 }, (_, index) => index)
  assert.deepEqual(first, all.filter((index) => index % 7 !== 0).map(payloadOf))
  assert.deepEqual(second, all.filter((index) => index % 7 === 0).map(payloadOf))
})

test('delivered messages are never written a second time', async () => {
  const trial = new JournalTrial(2)
  await trial.open()

  for (let round = 0; round < 100; round++) {
    trial.append('quick', 3)
    await trial.commit()
    trial.release('quick')
    await trial.commit()
  }

  assert.deepEqual(
    trial.disk.files.filter((path) => path.endsWith('.log')),
    [],
  )
})

test('a slot that is settled while a commit writes to it keeps the messages of that commit', async () => {
  const disk = new SimulatedDisk(seededRandom(3))
  const { opened, open } = gate()
  const files = heldDisk(disk, (operation, path) =>
    operation === 'sync' && path.includes('/channels/press_1/') ? opened : undefined,
  )
  const store = journalStore(files)
  await store.open()
  const log = store.create('press_1')
  const other = store.create('press_2')
  log.append(binaryDraft(Buffer.alloc(1_000, 1)))
  await store.commit()
  for (const fill of [2, 3]) log.append(binaryDraft(Buffer.alloc(1_000, fill)))
  for (let count = 0; count < 60; count++) other.append(binaryDraft(Buffer.alloc(1_000)))

  await store.commit()
  open()
  for (let round = 0; round < 40; round++) {
    for (let count = 0; count < 4; count++) other.append(binaryDraft(Buffer.alloc(1_000)))
    await store.commit()
  }
  const again = await journalStore(disk.afterPowerLoss()).open()

  const found = again.find(({ channel }) => channel === 'press_1')
  assert.deepEqual(found && (await readAll(found)).map(({ payload }) => payload[0]), [1, 2, 3])
})

test('a log is settled once at a time, also while another one fails', async () => {
  const disk = new SimulatedDisk(seededRandom(4))
  const { opened, open } = gate()
  let busy = 0
  let busiest = 0
  const files = heldDisk(disk, (operation, path) => {
    if (operation !== 'write' || !path.includes('/channels/slow/')) return undefined
    busiest = Math.max(busiest, ++busy)
    return opened.finally(() => {
      busy--
    })
  })
  disk.fail = (_operation, path) => (path.includes('/channels/broken') ? 'EIO' : undefined)
  const store = journalStore(files)
  await store.open()
  const logs = [store.create('broken'), store.create('slow')]

  const writing = (async () => {
    for (let round = 0; round < 20; round++) {
      for (const log of logs) log.append(binaryDraft(Buffer.alloc(1_000, round)))
      await store.commit().catch(() => undefined)
    }
  })()
  await settled()
  open()
  await writing

  assert.equal(busiest, 1)
})

test('an empty segment at the end of a drained log is not history: messages settled to it stay', async () => {
  const trial = new JournalTrial(5)
  await trial.open()
  trial.append('press_1')
  trial.append('other')
  await trial.commit()
  trial.release('press_1')
  trial.release('other')
  await trial.commit()
  await trial.restart()

  for (let round = 0; round < 20; round++) {
    trial.append('press_1', 2, 2_000)
    await trial.commit()
  }
  trial.append('other')
  await trial.commit()
  trial.release('other')
  await trial.commit()
  await trial.check()
  await trial.crash()

  await trial.check()
})

test('a frame that is damaged after it was read is quarantined when it is settled, and stops no reader', async () => {
  const disk = new SimulatedDisk(seededRandom(6))
  const store = diskStore({ clock: promptClock, files: disk, slotBytes: MEBIBYTE })
  await store.open()
  const log = store.create('press_1')
  const append = async (from: number, to: number) => {
    for (let fill = from; fill < to; fill++) {
      log.append(binaryDraft(Buffer.alloc(12_000, fill)))
      await store.commit()
    }
  }
  await append(0, 60)
  await log.read(0, 1, 10)
  const pattern = Buffer.alloc(500, 3)
  const path = slotFiles(disk).find((one) => disk.contentOf(one).includes(pattern)) ?? ''
  const position = disk.contentOf(path).indexOf(pattern)
  disk.damage(path, position, 1)
  // An endless loop would let no timer run, so the damage goes away after very many calls.
  let calls = 0
  disk.fail = () => {
    if (++calls === 50_000) disk.damage(path, position, 1)
    return undefined
  }

  await append(60, 330)

  assert.ok(calls < 50_000, `${calls} calls`)
  assert.deepEqual([...log.damaged], [{ from: 3, to: 4 }])
})

test('a crash after segments were synced and before their slot is used again gives each message once', async () => {
  let isOver = false
  for (let syncs = 0; !isOver; syncs++) {
    const trial = new JournalTrial(7)
    const { disk } = trial
    let count = 0
    disk.fail = (operation, path) => {
      if (operation === 'sync' && path.includes('/channels/') && count++ === syncs) {
        disk.powerLostAt = disk.calls + 1
      }
      return undefined
    }
    await trial.open()
    try {
      for (let round = 0; round < 15; round++) {
        trial.append('press_1', 2)
        trial.append('press_2', 1, 2_000)
        await trial.commit()
      }
      isOver = true
    } catch {
      assert.equal(disk.hasPower, false)
    }

    await trial.crash()
    await trial.check()
  }
})

test('five hundred channels use all slots several times and survive a crash', async () => {
  const trial = new JournalTrial(8, { slotBytes: 131_072 })
  await trial.open()
  const channels = Array.from({ length: 500 }, (_, index) => `press_${index}`)

  for (let round = 0; round < 8; round++) {
    for (const [index, channel] of channels.entries()) {
      if (index % (1 + (round % 4)) === 0) trial.append(channel, 1, 400)
    }
    await trial.commit()
    for (const channel of channels.slice(0, 400)) trial.release(channel)
  }
  await trial.check()
  await trial.crash()
  await trial.check()
  await trial.restart()

  await trial.check()
})

test('a message larger than a slot, among others, is kept over slot changes, crashes and restarts', async () => {
  const trial = new JournalTrial(9)
  await trial.open()

  for (const bytes of [100, 131_072, 200, 60_000, 300, 19_000, 400]) {
    trial.append('press_1', 1, bytes)
    trial.append('press_2', 1, 2_000)
    assert.ok(await trial.commit())
  }
  await trial.check()
  await trial.crash()
  await trial.check()
  for (let round = 0; round < 40; round++) {
    trial.append('press_2', 1, 2_000)
    await trial.commit()
  }
  await trial.check()
  await trial.restart()

  await trial.check()
  const ofOtherSize = slotFiles(trial.disk).filter(
    (path) => trial.disk.contentOf(path).length !== SLOT_BYTES,
  )
  assert.deepEqual(ofOtherSize, [])
})

test('one commit over many slots is stored as a whole, or not at all if it fails', async () => {
  const trial = new JournalTrial(10)
  await trial.open()
  trial.append('press_1')
  await trial.commit()

  trial.append('press_1', 50)
  trial.append('press_2', 50)
  const first = await trial.commit()
  trial.append('press_2', 30)
  trial.append('press_3', 30)
  let writes = 0
  trial.disk.fail = (operation, path) =>
    operation === 'write' && path.endsWith('.jnl') && ++writes > 2 ? 'EIO' : undefined
  const second = await trial.commit()
  trial.disk.fail = () => undefined
  trial.append('press_3', 5)
  const third = await trial.commit()

  assert.deepEqual([first, second, third], [true, false, true])
  await trial.check()
  await trial.crash()
  await trial.check()
})

test('deliveries are recorded when a slot is full, so that the messages need not be settled', async () => {
  const files = new SimulatedDisk(seededRandom(1))
  const rig = new ChannelSetRig({
    // Delivered with the commit, and kept for replay. Time stands still, so no timer records it.
    cursorNames: [],
    openStore: (budget) =>
      diskStore({ files, budget, slotBytes: SLOT_BYTES, historyBytes: 64 * MEBIBYTE }),
  })
  await rig.set.open()

  for (let round = 0; round < 200; round++) {
    for (let channel = 0; channel < 5; channel++) rig.offer(`c${channel}`, 'x'.repeat(200))
    await rig.set.commits.flush()
  }
  await settled()

  const segments = files.files.filter((path) => path.endsWith('.log'))
  assert.deepEqual(segments, [])
  assert.ok(slotFiles(files).length > 6)
})
