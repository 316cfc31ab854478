/** The room and the memory that logs on disk take: history, `maxBytes`, full disks. */
import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type {
  DiskLogStore,
  DiskLogStoreOptions,
} from '../../../../src/channels/disk/disk-log-store.ts'
import { MemoryBudget } from '../../../../src/channels/log/memory-budget.ts'
import { appendTexts, binaryDraft, readAll } from '../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE, temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const SLOT_BYTES = 20_480

async function openIn(
  t: TestContext,
  directory: string,
  change: Partial<DiskLogStoreOptions> = {},
) {
  const store = diskStore({ directory, ...change })
  const logs = await store.open()
  t.after(() => store.close())
  return { store, logs }
}

async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          (found) => found.size,
          () => 0, // it was removed meanwhile
        ),
      ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('released messages are kept as history up to historyBytes, and the oldest are removed first', async (t) => {
  const directory = await temporaryDirectory(t)
  const options = { slotBytes: SLOT_BYTES, segmentBytes: 4096, historyBytes: 100_000 }
  const { store } = await openIn(t, directory, options)
  const log = store.create('press_1')
  for (let round = 0; round < 300; round++) {
    log.append(binaryDraft(Buffer.alloc(1000)))
    await store.commit()
    log.release(log.committed)
  }
  await store.commit()
  const { start } = log
  await store.close()

  assert.ok(start > 200 && start < 300, `start is ${start}`)
  assert.ok((await bytesBelow(directory)) < 100_000 + 7 * SLOT_BYTES)
})

test('files never exceed maxBytes, whatever is appended, released and reopened', async (t) => {
  const directory = await temporaryDirectory(t)
  const maxBytes = 400_000
  const options = {
    directory,
    maxBytes,
    slotBytes: SLOT_BYTES,
    segmentBytes: 20_000,
    historyBytes: maxBytes,
  }
  let refusals = 0
  let store = diskStore(options)
  await store.open()
  let log = store.create('press_1')

  for (let round = 0; round < 160; round++) {
    // As a channel does: a message without room is not appended.
    if (store.bytes + 6_500 <= maxBytes || store.makeRoom(6_500)) {
      for (let count = 0; count < 4; count++) log.append(binaryDraft(Buffer.alloc(1500, round)))
    } else {
      refusals++
      log.release(log.committed - 20)
    }
    await store.commit()
    // Files come and go while they are measured, so the smaller of two measurements counts.
    assert.ok(Math.min(await bytesBelow(directory), await bytesBelow(directory)) <= maxBytes)
    if (round === 60) {
      await store.close()
      store = diskStore(options)
      const logs = await store.open()
      log = logs[0]!
    }
  }
  const bytes = await bytesBelow(directory)
  await store.close()

  assert.ok(refusals > 0 && refusals < 100, `${refusals} were refused`)
  assert.ok(bytes <= maxBytes)
})

test('a caller that keeps within the figures of the store never sees a commit fail for lack of room', async (t) => {
  const maxBytes = 600_000
  const directory = await temporaryDirectory(t)
  const options = { maxBytes, slotBytes: SLOT_BYTES, historyBytes: maxBytes }
  const { store } = await openIn(t, directory, options)
  const logs = ['a', 'b', 'c'].map((channel) => store.create(channel))
  const random = seededRandom(7)
  let refused = 0

  for (let round = 0; round < 400; round++) {
    for (const log of logs) {
      for (let count = 0; count < 5; count++) {
        const payload = Buffer.alloc(Math.floor(random() * 800))
        const bytes = payload.length + 150
        if (store.bytes + bytes <= maxBytes || store.makeRoom(bytes))
          log.append(binaryDraft(payload))
        else refused++
      }
    }
    await store.commit()
    if (round % 100 > 50) {
      for (const log of logs) log.release(log.start + Math.floor(random() * 60))
    }
  }

  assert.ok(refused > 100, `${refused} refused`)
  assert.ok((await bytesBelow(directory)) <= maxBytes)
})

test('room is made by removing history, and never messages that are still needed', async (t) => {
  const directory = await temporaryDirectory(t)
  const maxBytes = 600_000
  const options = { maxBytes, slotBytes: SLOT_BYTES, historyBytes: maxBytes }
  const { store } = await openIn(t, directory, options)
  const log = store.create('press_1')
  for (let round = 0; round < 175; round++) {
    for (let count = 0; count < 2; count++) log.append(binaryDraft(Buffer.alloc(1000)))
    await store.commit()
  }
  const whenFull = store.makeRoom(300_000)

  log.release(log.committed)
  await store.commit()
  const whenReleased = store.makeRoom(300_000)
  appendTexts(log, ['next'])
  await store.commit()

  assert.deepEqual([whenFull, whenReleased], [false, true])
  assert.deepEqual(
    (await readAll(log, 350)).map((message) => [message.offset, message.payload.toString()]),
    [[350, 'next']],
  )
})

test('memory that is only kept for quick reading is released when the budget is used up', async (t) => {
  const budget = new MemoryBudget(MEBIBYTE)
  const { store } = await openIn(t, await temporaryDirectory(t), { budget })
  const logs = [store.create('press_1'), store.create('press_2')]

  for (let round = 0; round < 200; round++) {
    for (const log of logs) {
      for (let count = 0; count < 10; count++) log.append(binaryDraft(Buffer.alloc(1000)))
      await store.commit()
      assert.ok(budget.held <= MEBIBYTE, `${budget.held} bytes held`)
    }
  }

  for (const log of logs) assert.equal((await readAll(log, 0, 100)).length, 2000)
  await store.close()
  assert.equal(budget.held, 0)
})

test('a commit fails on a full disk, and succeeds again when there is room', async (t) => {
  const disk = new SimulatedDisk(seededRandom(2))
  disk.capacityBytes = 130_000
  const store: DiskLogStore = diskStore({ files: disk, slotBytes: SLOT_BYTES })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  const stored: number[] = []

  for (let round = 0; round < 80; round++) {
    if (round === 60) disk.capacityBytes = Number.POSITIVE_INFINITY
    log.append(binaryDraft(Buffer.alloc(1000, round)))
    await store.commit().then(
      () => stored.push(round),
      () => undefined,
    )
  }

  assert.ok(stored.length > 30 && stored.length < 75, `${stored.length} are stored`)
  assert.deepEqual(
    stored.slice(-20),
    Array.from({ length: 20 }, (_, index) => 60 + index),
  )
  assert.deepEqual(
    (await readAll(log)).map((message) => message.payload[0]),
    stored,
  )
})
