/** Defects that the campaigns of test/faults found, each in a test of its own. */
import assert from 'node:assert/strict'
import { cp, readdir, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CursorPosition } from '../../../../src/channels/cursors/cursor-position.ts'
import { CommitError } from '../../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../../src/channels/log/memory-budget.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { ChannelSetRig, ledgerGap } from '../../../support/channels/channel-set-rig.ts'
import { appendTexts, binaryDraft, readAll, textsOf } from '../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE, temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

/** What the next start would find if the process ended now. */
async function copyOf(t: TestContext, directory: string): Promise<string> {
  const copy = await temporaryDirectory(t)
  await cp(directory, copy, {
    recursive: true,
    filter: (path) => !basename(path).startsWith('lock'),
  })
  return copy
}

test('history is removed when the disk itself is full, long before its own bound', async (t) => {
  const disk = new SimulatedDisk(seededRandom(2))
  disk.capacityBytes = 200_000
  const store = diskStore({
    clock: promptClock,
    files: disk,
    slotBytes: SLOT_BYTES,
    segmentBytes: 2_000,
    historyBytes: 10 * MEBIBYTE,
  })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  let failures = 0
  let stored = 0

  for (let round = 0; round < 300; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    await store.commit().then(
      () => {
        stored += 1
      },
      () => {
        failures += 1
      },
    )
    log.release(log.committed - 20)
  }

  assert.ok(failures < 100, `${failures} commits failed`)
  assert.equal(log.committed, stored)
})

test('reader positions are written on a full disk too, because they free its space', async (t) => {
  const disk = new SimulatedDisk(seededRandom(3))
  const store = diskStore({
    clock: promptClock,
    files: disk,
    slotBytes: SLOT_BYTES,
    segmentBytes: 2_000,
  })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  disk.fail = (_operation, path) => (path.includes('/channels/') ? 'ENOSPC' : undefined)
  let isFull = false
  for (let round = 0; round < 100 && !isFull; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    isFull = await store.commit().then(
      () => false,
      () => true,
    )
  }
  const count = log.committed

  for (let position = 1; position <= count; position++) {
    const cursor = { position, settled: [], delivered: position, rejected: 0, dropped: {} }
    log.noteState({ version: 1, cursors: { primary: cursor }, refused: {} }, position)
    await store.commit()
  }
  log.append(binaryDraft(Buffer.alloc(1_000, 2)))
  await store.commit()

  assert.ok(isFull)
  assert.equal((await log.loadState())?.cursors['primary']?.position, count)
  assert.equal((await readAll(log, count)).length, 1)
})

test('a commit to a journal that was moved away fails, and a later one begins a new one', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'journal')
  const store = diskStore({ directory })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  appendTexts(log, ['before'])
  await store.commit()
  await rename(path, join(directory, 'elsewhere'))

  appendTexts(log, ['into the void'])
  await assert.rejects(store.commit(), CommitError)
  let refusals = 0
  for (let isStored = false; !isStored; ) {
    assert.ok(++refusals < 20)
    appendTexts(log, ['after'])
    isStored = await store.commit().then(
      () => true,
      () => false,
    )
  }
  log.noteState({ version: 1, cursors: {}, refused: {} }, 0)
  await store.commit()
  const next = diskStore({ directory: await copyOf(t, directory) })
  const [found] = await next.open()
  t.after(() => next.close())

  assert.ok((await readdir(path)).length > 0)
  assert.deepEqual(found && textsOf(await readAll(found)), ['after'])
  assert.equal(found?.end, 2)
})

test('settling to a directory that was moved away begins a new one, and no later message is lost', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'channels', 'press_1')
  const store = diskStore({ directory, slotBytes: SLOT_BYTES, budget: new MemoryBudget(0) })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  const append = async (from: number, to: number) => {
    for (let fill = from; fill < to; fill++) {
      log.append(binaryDraft(Buffer.alloc(1_000, fill)))
      await store.commit()
    }
  }
  await append(0, 40)
  await rename(path, join(directory, 'elsewhere'))

  await append(40, 80)
  const fills = (await readAll(log)).map(({ payload }) => payload[0] ?? -1)
  const missing = [...log.damaged].reduce((sum, { from, to }) => sum + to - from, 0)

  assert.equal(fills.length + missing, 80)
  assert.ok(missing > 0 && missing < 40, `${missing} are missing`)
  assert.deepEqual(
    fills.slice(-40),
    Array.from({ length: 40 }, (_, index) => 40 + index),
  )
  assert.ok((await readdir(path)).length > 0)
})

test('messages of a missing oldest file are counted as damaged, not as delivered', () => {
  const state = {
    position: 10,
    settled: [{ from: 15, to: 18 }],
    delivered: 13,
    rejected: 0,
    dropped: {},
  }

  const cursor = CursorPosition.restored(state, 20, 30)

  assert.equal(cursor.position, 20)
  assert.equal(cursor.delivered, 13)
  assert.deepEqual(cursor.dropped, { DataDamaged: 7 })
  assert.equal(cursor.base, 0)
})

test('a missing oldest file is reported as damage, and each of its messages as dropped', async () => {
  const disk = new SimulatedDisk(seededRandom(4))
  const openStore = () =>
    diskStore({ clock: promptClock, files: disk, slotBytes: SLOT_BYTES, segmentBytes: 2_000 })
  const before = new ChannelSetRig({ openStore })
  await before.set.open()
  for (let round = 0; round < 20; round++) {
    before.offer('press_1', `m${round}`, 'x'.repeat(1_000))
    await before.set.flush()
  }
  await before.set.close()
  const [oldest = ''] = disk.files.filter((path) => path.endsWith('.log'))
  const [, next = ''] = disk.files.filter((path) => path.endsWith('.log'))
  disk.lose(oldest)
  const gone = Number(/(\d+)\.log$/.exec(next)?.[1])
  const damage: string[] = []
  const drops: string[] = []

  const rig = new ChannelSetRig({
    openStore,
    observer: {
      damageFound: (channel, what) => damage.push(`${channel}: ${what}`),
      messageDropped: (channel, code) => drops.push(`${channel} ${code}`),
    },
  })
  await rig.set.open()

  assert.ok(gone > 0)
  assert.deepEqual(damage, [
    `press_1: ${gone} waiting messages are gone with the oldest files: the log begins at offset ${gone}.`,
  ])
  assert.deepEqual(drops, Array(gone).fill('press_1 DataDamaged'))
  assert.deepEqual(rig.ledger('press_1').dropped, { DataDamaged: gone })
  assert.equal(ledgerGap(rig.ledger('press_1')), 0)
  await rig.set.close()
})

test('a clean stop records where a log ends, with readers and without', async () => {
  for (const cursorNames of [['primary'], []]) {
    const disk = new SimulatedDisk(seededRandom(5))
    const openStore = () => diskStore({ clock: promptClock, files: disk })
    const before = new ChannelSetRig({ openStore, cursorNames })
    await before.set.open()
    before.offer('press_1', 'first')
    await before.set.flush()
    for (let round = 0; round < 5; round++) before.offer('press_1', `m${round}`)
    await before.set.close()
    const [path = ''] = disk.files.filter((one) => one.endsWith('.log'))
    disk.replace(path, disk.contentOf(path).subarray(0, -3))
    const damage: string[] = []

    const observer = {
      ...silentObserver,
      damageFound: (_channel: string, what: string) => void damage.push(what),
    }
    const openAgain = () => diskStore({ clock: promptClock, files: disk, observer })
    const rig = new ChannelSetRig({ openStore: openAgain, cursorNames })
    await rig.set.open()

    // Without readers no message is kept, and the segment only says where the log ends.
    if (cursorNames.length > 0)
      assert.match(damage.join(), /bytes of the newest segment do not match/)
    else assert.deepEqual(damage, [])
    assert.equal(rig.ledger('press_1').received, 6)
    assert.equal(ledgerGap(rig.ledger('press_1')), 0)
    await rig.set.close()
  }
})

test('damage that is read while files are being removed stops no reader', {
  timeout: 20_000,
}, async (t) => {
  const disk = new SimulatedDisk(seededRandom(6))
  const budget = new MemoryBudget(0)
  const store = diskStore({
    clock: promptClock,
    files: disk,
    budget,
    slotBytes: SLOT_BYTES,
    segmentBytes: 2_000,
    historyBytes: 60_000,
  })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  for (let round = 0; round < 200; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    await store.commit()
  }
  log.release(20)
  await store.commit()
  const path = disk.files.filter((one) => one.endsWith('.log'))[10] ?? ''
  disk.damage(path, 500, 1)
  const from = Number(/(\d+)\.log$/.exec(path)?.[1])

  const reading = log.read(from, 10, 100_000)
  store.makeRoom(store.maxBytes)
  const messages = await reading
  log.append(binaryDraft(Buffer.alloc(1_000, 1)))
  await store.commit()

  assert.ok(messages.length > 0)
  assert.equal([...log.damaged].length, 1)
  assert.equal(disk.files.filter((one) => one.startsWith('/data/quarantine/')).length, 2)
})
