/** What the fault campaigns of test/faults found, one test each, without the campaign. */
import assert from 'node:assert/strict'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CommitError } from '../../../src/channels/channel-log.ts'
import { CursorPosition } from '../../../src/channels/cursor-position.ts'
import { MemoryBudget } from '../../../src/channels/memory-budget.ts'
import { silentObserver } from '../../../src/observer.ts'
import { ChannelSetRig, ledgerGap } from '../../support/channel-set-rig.ts'
import { diskStore, MEBIBYTE, temporaryDirectory } from '../../support/disk-stores.ts'
import { appendTexts, binaryDraft, readAll, textsOf } from '../../support/log-drafts.ts'
import { SimulatedDisk, seededRandom } from '../../support/simulated-disk.ts'

test('history is given up when the disk itself is full, long before its own bound', async (t) => {
  const disk = new SimulatedDisk(seededRandom(2))
  disk.capacityBytes = 30_000
  const store = diskStore({ files: disk, segmentBytes: 2_000, historyBytes: 10 * MEBIBYTE })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  let failures = 0
  let stored = 0

  for (let round = 0; round < 100; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    await log.commit().then(
      () => {
        stored += 1
      },
      () => {
        failures += 1
      },
    )
    log.release(log.committed)
  }

  assert.ok(failures > 0 && failures < 50, `${failures} commits failed`)
  assert.equal(log.committed, stored)
})

test('where the readers are is written down on a full disk too, or its space would never come back', async (t) => {
  const disk = new SimulatedDisk(seededRandom(3))
  const store = diskStore({ files: disk, segmentBytes: 2_000 })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  for (let round = 0; round < 20; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    await log.commit()
  }
  disk.capacityBytes = disk.bytes

  const cursor = { position: 20, settled: [], delivered: 20, rejected: 0, dropped: {} }
  await log.saveState({ version: 1, cursors: { primary: cursor }, refused: {} })
  log.release(20)
  log.append(binaryDraft(Buffer.alloc(1_000, 2)))
  await log.commit()

  assert.equal((await log.loadState())?.cursors['primary']?.position, 20)
  assert.equal((await readAll(log, 20)).length, 1)
})

test('a commit to a directory that was moved away fails, and the next begins a new one', async (t) => {
  const directory = await temporaryDirectory(t)
  const path = join(directory, 'channels', 'press_1')
  const store = diskStore({ directory })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  appendTexts(log, ['before'])
  await log.commit()
  await rename(path, join(directory, 'elsewhere'))

  appendTexts(log, ['into the void'])
  await assert.rejects(log.commit(), CommitError)
  appendTexts(log, ['after'])
  await log.commit()
  await log.saveState({ version: 1, cursors: {}, refused: {} })

  assert.deepEqual((await readdir(path)).sort(), ['0000000000000001.log', 'cursors'])
  await store.close()
  const next = diskStore({ directory })
  const [found] = await next.open()
  t.after(() => next.close())
  assert.deepEqual(found && textsOf(await readAll(found)), ['after'])
})

test('messages of an oldest file that is gone are counted as damaged, not as delivered', () => {
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

test('an oldest file that is gone is told: as damage, and each message of it as dropped', async () => {
  const disk = new SimulatedDisk(seededRandom(4))
  const openStore = () => diskStore({ files: disk, segmentBytes: 2_000 })
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
    `press_1: ${gone} messages that waited are gone with the oldest files: the log begins at offset ${gone}.`,
  ])
  assert.deepEqual(drops, Array(gone).fill('press_1 DataDamaged'))
  assert.deepEqual(rig.ledger('press_1').dropped, { DataDamaged: gone })
  assert.equal(ledgerGap(rig.ledger('press_1')), 0)
  await rig.set.close()
})

test('a clean stop writes down where a log ends, with readers and without', async () => {
  for (const readers of [['primary'], []]) {
    const disk = new SimulatedDisk(seededRandom(5))
    const openStore = () => diskStore({ files: disk })
    const before = new ChannelSetRig({ openStore, readers })
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
    const openAgain = () => diskStore({ files: disk, observer })
    const rig = new ChannelSetRig({ openStore: openAgain, readers })
    await rig.set.open()

    assert.match(damage.join(), /bytes of the newest segment do not match/)
    assert.equal(rig.ledger('press_1').received, 6)
    assert.equal(ledgerGap(rig.ledger('press_1')), 0)
    await rig.set.close()
  }
})

test('damage that is read while files are being removed stops nobody', {
  timeout: 20_000,
}, async (t) => {
  const disk = new SimulatedDisk(seededRandom(6))
  const budget = new MemoryBudget(0)
  const store = diskStore({ files: disk, budget, segmentBytes: 2_000, historyBytes: MEBIBYTE })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  for (let round = 0; round < 200; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    await log.commit()
  }
  log.release(20)
  const path = disk.files.filter((one) => one.endsWith('.log'))[30] ?? ''
  disk.damage(path, 500, 1)
  const from = Number(/(\d+)\.log$/.exec(path)?.[1])

  const reading = log.read(from, 10, 100_000)
  store.makeRoom(store.maxBytes)
  const messages = await reading
  log.append(binaryDraft(Buffer.alloc(1_000, 1)))
  await log.commit()

  assert.ok(messages.length > 0)
  assert.equal([...log.damaged].length, 1)
  assert.equal(disk.files.filter((one) => one.startsWith('/data/quarantine/')).length, 2)
})
