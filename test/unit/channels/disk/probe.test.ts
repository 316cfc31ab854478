/** After a failed commit: the store finds out without a message that it can be written again. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type {
  DiskLogStore,
  DiskLogStoreOptions,
} from '../../../../src/channels/disk/disk-log-store.ts'
import { type ChannelLog, CommitError } from '../../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../../src/channels/log/memory-budget.ts'
import { appendTexts, binaryDraft, readAll, textsOf } from '../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE } from '../../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'
import {
  type Operation,
  SimulatedDisk,
  seededRandom,
} from '../../../support/disk/simulated-disk.ts'

const WRITING: readonly Operation[] = ['open', 'write', 'sync', 'truncate', 'rename', 'remove']

async function openLog(
  t: TestContext,
  disk: SimulatedDisk,
  change: Partial<DiskLogStoreOptions> = {},
): Promise<{ store: DiskLogStore; log: ChannelLog }> {
  const store = diskStore({ clock: promptClock, files: disk, ...change })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  appendTexts(log, ['a'])
  await store.commit()
  return { store, log }
}

/** Commits until one fails because the slots are full and can't be settled. */
async function fillUp(store: DiskLogStore, log: ChannelLog): Promise<void> {
  for (let round = 0; round < 100; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, round)))
    try {
      await store.commit()
    } catch (error) {
      assert.ok(error instanceof CommitError)
      return
    }
  }
  assert.fail('no commit failed')
}

test('storage is not healthy until the slots that are full can be settled', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const { store, log } = await openLog(t, disk, { slotBytes: SLOT_BYTES })
  disk.fail = (_operation, path) => (path.includes('/channels/') ? 'ENOSPC' : undefined)
  await fillUp(store, log)
  const count = log.committed

  await assert.rejects(store.probe(), { code: 'ENOSPC' })
  await assert.rejects(store.probe(), { code: 'ENOSPC' })
  disk.fail = () => undefined
  await store.probe()
  await store.probe()
  appendTexts(log, ['after'])
  await store.commit()

  const messages = await readAll(log)
  assert.equal(messages.length, count + 1)
  assert.equal(messages.at(-1)?.payload.toString(), 'after')
})

test('a slot that a probe took is not used for a message larger than it', async (t) => {
  const disk = new SimulatedDisk(seededRandom(5))
  const budget = new MemoryBudget(0)
  const { store, log } = await openLog(t, disk, {
    slotBytes: SLOT_BYTES,
    historyBytes: MEBIBYTE,
    budget,
  })
  disk.fail = (operation) => (operation === 'write' ? 'EIO' : undefined)
  appendTexts(log, ['refused'])
  await assert.rejects(store.commit(), CommitError)
  disk.fail = () => undefined
  await store.probe()

  log.append(binaryDraft(Buffer.alloc(3 * SLOT_BYTES, 1)))
  await store.commit()
  // Two slots later it is history, and its place in the slot is found again.
  for (let round = 0; round < 12; round++) {
    log.append(binaryDraft(Buffer.alloc(4_000, 2)))
    await store.commit()
    log.release(log.committed)
    await store.commit()
  }
  const messages = await readAll(log)

  assert.deepEqual(messages.map(({ offset, payload }) => [offset, payload.length]).slice(0, 3), [
    [0, 1],
    [1, 3 * SLOT_BYTES],
    [2, 4_000],
  ])
  assert.deepEqual([...log.damaged], [])
  const lengths = disk.files
    .filter((path) => path.endsWith('.jnl'))
    .map((path) => {
      return disk.contentOf(path).length
    })
  assert.ok(lengths.filter((bytes) => bytes !== SLOT_BYTES).length <= 1, `${lengths}`)
})

test('a probe of healthy storage writes nothing', async (t) => {
  const disk = new SimulatedDisk(seededRandom(2))
  const { store } = await openLog(t, disk)
  const writes: string[] = []
  disk.fail = (operation, path) => {
    if (operation === 'write' && path.endsWith('.jnl')) writes.push(path)
    return undefined
  }

  await store.probe()
  const written = new Set(writes)
  await store.probe()

  assert.deepEqual(new Set(writes), written)
})

/** Resolves when the store has created its slots in the background and the disk is idle. */
async function slotsMade(disk: SimulatedDisk): Promise<void> {
  for (let calls = -1; calls !== disk.calls; ) {
    calls = disk.calls
    await setImmediate()
  }
}

test('while a slot can’t be written, storage is not healthy, and each probe tries another slot', async (t) => {
  const disk = new SimulatedDisk(seededRandom(3))
  const { store, log } = await openLog(t, disk)
  await slotsMade(disk)
  disk.fail = (operation) => (operation === 'write' ? 'EIO' : undefined)
  appendTexts(log, ['refused'])
  await assert.rejects(store.commit(), CommitError)
  const tried: string[] = []
  disk.fail = (operation, path) => {
    if (operation !== 'write') return undefined
    tried.push(path)
    return 'EIO'
  }

  for (let probe = 0; probe < 3; probe++) await assert.rejects(store.probe(), { code: 'EIO' })
  disk.fail = () => undefined
  await store.probe()
  appendTexts(log, ['b'])
  await store.commit()

  assert.equal(new Set(tried).size, 3, `${tried}`)
  assert.deepEqual(textsOf(await readAll(log)), ['a', 'b'])
})

test('a probe removes history on a full disk, as a message would', async (t) => {
  const disk = new SimulatedDisk(seededRandom(4))
  const change = { slotBytes: SLOT_BYTES, segmentBytes: 2_000, historyBytes: 10 * MEBIBYTE }
  const { store, log } = await openLog(t, disk, change)
  for (let round = 0; round < 200; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    await store.commit()
    log.release(log.committed - 40)
  }
  disk.capacityBytes = disk.bytes
  let failures = 0

  for (let round = 0; round < 100; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 2)))
    await store.commit().catch(() => {
      failures++
    })
    await store.probe().catch(() => undefined)
    log.release(log.committed - 40)
  }

  assert.ok(failures < 50, `${failures} commits failed`)
  assert.equal((await readAll(log, log.committed - 40)).length, 40)
})

test('whatever a disk refuses during a probe, no message is lost and no file is left behind', async (t) => {
  for (const operation of WRITING) {
    const disk = new SimulatedDisk(seededRandom(5))
    const { store, log } = await openLog(t, disk)
    disk.fail = (one) => (WRITING.includes(one) ? 'EROFS' : undefined)
    appendTexts(log, ['refused'])
    await assert.rejects(store.commit(), CommitError)
    disk.fail = (one) => (one === operation ? 'EROFS' : undefined)
    for (let probe = 0; probe < 3; probe++) await store.probe().catch(() => undefined)
    disk.fail = () => undefined

    await store.probe()
    const bytes = store.bytes
    await store.probe()
    appendTexts(log, ['b'])
    await store.commit()

    assert.ok(store.bytes - bytes < 1_000, operation)
    assert.deepEqual(textsOf(await readAll(log)), ['a', 'b'], operation)
  }
})

test('a probe and a commit at the same time do not disturb each other', async (t) => {
  const disk = new SimulatedDisk(seededRandom(6))
  const { store, log } = await openLog(t, disk)

  appendTexts(log, ['b'])
  const first = [store.probe(), store.commit()]
  await Promise.all(first)
  appendTexts(log, ['c'])
  const second = [store.commit(), store.probe()]
  await Promise.all(second)

  assert.deepEqual(textsOf(await readAll(log)), ['a', 'b', 'c'])
})

test('messages of a failed commit never come back once a probe has succeeded', async (t) => {
  const disk = new SimulatedDisk(seededRandom(7))
  const { store, log } = await openLog(t, disk)
  disk.fail = (operation) => (['write', 'truncate'].includes(operation) ? 'EIO' : undefined)
  appendTexts(log, ['reported as lost'])
  await assert.rejects(store.commit(), CommitError)
  disk.fail = () => undefined

  await store.probe()
  const [found] = await diskStore({ clock: promptClock, files: disk }).open()

  assert.deepEqual(found && textsOf(await readAll(found)), ['a'])
})
