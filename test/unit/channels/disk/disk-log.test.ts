import assert from 'node:assert/strict'
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { DiskLogStoreOptions } from '../../../../src/channels/disk/disk-log-store.ts'
import { CommitError, type LogStore } from '../../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../../src/channels/log/memory-budget.ts'
import { systemClock } from '../../../../src/clock.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { testChannelLog } from '../../../contract/channel-log.contract.ts'
import {
  appendTexts,
  binaryDraft,
  draftOf,
  readAll,
  textsOf,
} from '../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE, temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const SLOT_BYTES = 20_480

const directories = new WeakMap<LogStore, string>()

async function openIn(
  t: TestContext,
  directory: string,
  change: Partial<DiskLogStoreOptions> = {},
) {
  const store = diskStore({ directory, ...change })
  const logs = await store.open()
  t.after(() => store.close())
  directories.set(store, directory)
  return { store, logs }
}

testChannelLog({
  name: 'DiskLog',
  async open(t) {
    return (await openIn(t, await temporaryDirectory(t))).store
  },
  reopen(t, store) {
    return openIn(t, directories.get(store) ?? '')
  },
})

testChannelLog({
  name: 'DiskLog with tiny segments and no memory to keep anything',
  async open(t) {
    const small = { segmentBytes: 200, budget: new MemoryBudget(0), historyBytes: MEBIBYTE }
    return (await openIn(t, await temporaryDirectory(t), small)).store
  },
  reopen(t, store) {
    return openIn(t, directories.get(store) ?? '', { segmentBytes: 200 })
  },
})

testChannelLog({
  name: 'DiskLog with tiny slots and no memory to keep anything',
  async open(t) {
    const small = { slotBytes: SLOT_BYTES, segmentBytes: 200, budget: new MemoryBudget(0) }
    return (await openIn(t, await temporaryDirectory(t), small)).store
  },
  reopen(t, store) {
    return openIn(t, directories.get(store) ?? '', { slotBytes: SLOT_BYTES, segmentBytes: 200 })
  },
})

async function filesOf(directory: string, ending: string): Promise<string[]> {
  const names = await readdir(join(directory, 'channels', 'press_1'))
  return names
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(directory, 'channels', 'press_1', name))
}

/** A closed directory with one channel of `count` messages m0, m1, … in commits of ten. */
async function writtenDirectory(t: TestContext, count: number, segmentBytes: number) {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory, slotBytes: SLOT_BYTES, segmentBytes })
  await store.open()
  const log = store.create('press_1')
  for (let offset = 0; offset < count; offset += 10) {
    appendTexts(
      log,
      Array.from({ length: Math.min(10, count - offset) }, (_, index) => `m${offset + index}`),
    )
    await store.commit()
  }
  await store.close()
  return directory
}

/** The directory as a version without a journal left it, without a record of the log's end. */
async function asEarlierVersion(directory: string): Promise<void> {
  await rm(join(directory, 'journal'), { recursive: true })
  await rm(join(directory, 'channels', 'press_1', 'cursors'))
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `m${from + index}`)
}

test('a directory is opened without reading its sealed segments', async (t) => {
  const directory = await writtenDirectory(t, 500, 400)
  const sealed = (await filesOf(directory, '.log')).slice(0, -1)
  assert.ok(sealed.length > 10)
  for (const path of sealed.slice(1)) await rm(path.replace(/log$/, 'idx'))

  const { logs } = await openIn(t, directory)

  assert.deepEqual(textsOf(await readAll(logs[0]!)), numbered(0, 500))
})

test('a torn tail is cut off and the log goes on there', async (t) => {
  const directory = await writtenDirectory(t, 30, MEBIBYTE)
  await asEarlierVersion(directory)
  const [path] = await filesOf(directory, '.log')
  await truncate(path!, (await stat(path!)).size - 5)

  const { logs, store } = await openIn(t, directory)
  const log = logs[0]!
  appendTexts(log, ['next'])
  await store.commit()
  const messages = await readAll(log)
  await store.close()

  assert.deepEqual(textsOf(messages), [...numbered(0, 20), 'next'])
  assert.deepEqual([...log.damaged], [])
})

test('a damaged frame is copied to quarantine with a report; the messages around it can be read', async (t) => {
  const directory = await writtenDirectory(t, 30, MEBIBYTE)
  const [path] = await filesOf(directory, '.log')
  const bytes = await readFile(path!)
  const at = bytes.indexOf('m15')
  bytes[at] = 0x40
  await writeFile(path!, bytes)
  const reports: string[] = []
  const observer = {
    ...silentObserver,
    damageFound: (channel: string, what: string) => reports.push(`${channel}: ${what}`),
  }

  const { logs } = await openIn(t, directory, { observer })

  assert.deepEqual(textsOf(await readAll(logs[0]!)), [...numbered(0, 10), ...numbered(20, 30)])
  assert.deepEqual([...logs[0]!.damaged], [{ from: 10, to: 20 }])
  assert.equal(reports.length, 1)
  const kept = await readdir(join(directory, 'quarantine'))
  assert.equal(kept.length, 2)
  const report = JSON.parse(
    await readFile(
      join(directory, 'quarantine', kept.find((name) => name.endsWith('.json'))!),
      'utf8',
    ),
  )
  assert.deepEqual(report.offsets, { from: 10, to: 20 })
})

test('damage in the last frame is distinguished from a torn tail, and its offsets are not used again', async (t) => {
  const directory = await writtenDirectory(t, 30, MEBIBYTE)
  const [path] = await filesOf(directory, '.log')
  const bytes = await readFile(path!)
  bytes[bytes.indexOf('m25')] = 0x40
  await writeFile(path!, bytes)

  const { logs, store } = await openIn(t, directory)
  const log = logs[0]!
  appendTexts(log, ['next'])
  await store.commit()

  const messages = await readAll(log)
  assert.deepEqual(textsOf(messages), [...numbered(0, 20), 'next'])
  assert.equal(messages.at(-1)?.offset, 30)
  assert.deepEqual([...log.damaged], [{ from: 20, to: 30 }])
})

test('damage in a sealed segment is found when it is read', async (t) => {
  const directory = await writtenDirectory(t, 200, 400)
  const [, path] = await filesOf(directory, '.log')
  const bytes = await readFile(path!)
  const base = Number(path!.slice(-20, -4))
  bytes[60] = (bytes[60] ?? 0) ^ 1
  await writeFile(path!, bytes)

  const { logs } = await openIn(t, directory)
  const log = logs[0]!
  const messages = await readAll(log)

  const [gone, ...more] = log.damaged
  assert.deepEqual([more.length, gone?.from], [0, base])
  assert.deepEqual(textsOf(messages), [...numbered(0, base), ...numbered(gone!.to, 200)])
})

test('behind damage, a payload that looks like a frame of another log is not mistaken for a frame', async (t) => {
  const directory = await temporaryDirectory(t)
  const other = await writtenDirectory(t, 10, MEBIBYTE)
  const [path] = await filesOf(other, '.log')
  const foreign = await readFile(path!)
  const store = diskStore({ directory })
  await store.open()
  const log = store.create('press_1')
  log.append(binaryDraft(foreign))
  await store.commit()
  appendTexts(log, ['good'])
  await store.commit()
  await store.close()
  const [own] = await filesOf(directory, '.log')
  const bytes = await readFile(own!)
  bytes[50] = 0xff
  await writeFile(own!, bytes)

  const { logs } = await openIn(t, directory)

  assert.deepEqual(textsOf(await readAll(logs[0]!)), ['good'])
})

for (const hasJournal of [true, false]) {
  const outcome = hasJournal
    ? 'readers go on from the positions in the journal'
    : 'without a journal readers start over'
  test(`a damaged state file is copied to quarantine, and ${outcome}`, async (t) => {
    const directory = await temporaryDirectory(t)
    const store = diskStore({ directory })
    await store.open()
    const log = store.create('press_1')
    appendTexts(log, ['a'])
    await store.commit()
    log.noteState({ version: 1, cursors: {}, refused: { QueueFull: 1 } }, 0)
    await store.commit()
    await store.close()
    const path = join(directory, 'channels', 'press_1', 'cursors')
    await writeFile(path, (await readFile(path, 'utf8')).replace('1', '2'))
    if (!hasJournal) await rm(join(directory, 'journal'), { recursive: true })

    const { logs } = await openIn(t, directory)
    const state = await logs[0]?.loadState()

    assert.deepEqual(state?.refused, hasJournal ? { QueueFull: 1 } : undefined)
    assert.deepEqual(textsOf(await readAll(logs[0]!)), ['a'])
    assert.equal((await readdir(join(directory, 'quarantine'))).length, 2)
  })
}

test('offsets that the state file knows are not used again after the tail was lost', async (t) => {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory })
  await store.open()
  const log = store.create('press_1')
  appendTexts(log, ['a', 'b'])
  await store.commit()
  const cursor = { position: 9, settled: [], delivered: 9, rejected: 0, dropped: {} }
  log.noteState({ version: 1, cursors: { primary: cursor }, refused: {} }, 0)
  await store.commit()
  await store.close()

  const { logs, store: reopened } = await openIn(t, directory)
  const found = logs[0]!
  appendTexts(found, ['new'])
  await reopened.commit()

  assert.deepEqual(
    (await readAll(found)).map((message) => message.offset),
    [0, 1, 9],
  )
  assert.deepEqual([...found.damaged], [{ from: 2, to: 9 }])
})

test('unknown files are left alone', async (t) => {
  const directory = await writtenDirectory(t, 10, MEBIBYTE)
  const note = join(directory, 'channels', 'press_1', 'note.txt')
  await writeFile(note, 'mine')

  const { logs, store } = await openIn(t, directory)
  const log = logs[0]!
  log.release(10)
  store.makeRoom(store.maxBytes)
  await store.close()

  assert.equal(await readFile(note, 'utf8'), 'mine')
})

test('a commit that fails names the lost messages, and the log continues without a gap', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const store = diskStore({ files: disk })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  appendTexts(log, ['a'])
  await store.commit()
  appendTexts(log, ['lost 1', 'lost 2'])
  disk.fail = (operation) => (operation === 'write' ? 'EIO' : undefined)

  const committing = store.commit()
  log.append(draftOf('b', { topic: 'other' }))
  const error = await committing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  disk.fail = () => undefined
  await store.commit()

  assert.ok(error instanceof CommitError)
  assert.deepEqual([...error.discarded.keys()], ['press_1'])
  assert.deepEqual(textsOf(error.discarded.get('press_1') ?? []), ['lost 1', 'lost 2'])
  assert.deepEqual(
    (await readAll(log)).map((message) => [message.offset, message.payload.toString()]),
    [
      [0, 'a'],
      [1, 'b'],
    ],
  )
})

test('a page that can never be read again costs only the messages in it', async (t) => {
  const disk = new SimulatedDisk(seededRandom(3))
  const options = {
    files: disk,
    slotBytes: SLOT_BYTES,
    segmentBytes: 100_000,
    budget: new MemoryBudget(0),
  }
  let store = diskStore(options)
  await store.open()
  const log = store.create('press_1')
  for (let round = 0; round < 250; round++) {
    log.append(binaryDraft(Buffer.alloc(1000, round)))
    await store.commit()
  }
  await store.close()
  const [sealed, , newest] = disk.files.filter((path) => path.endsWith('.log'))
  disk.spoilPage(sealed!, 50_000)
  disk.spoilPage(newest!, 9000)

  store = diskStore(options)
  const [found] = await store.open()
  t.after(() => store.close())
  const failures: unknown[] = []
  let messages: number[] = []
  while (messages.length === 0 && failures.length < 10) {
    await readAll(found!).then(
      (all) => {
        messages = all.map((message) => message.offset)
      },
      (error: unknown) => failures.push(error),
    )
  }

  // Three for each of the two files, because the failure might have been temporary.
  assert.equal(failures.length, 6)
  const missing = [...found!.damaged].reduce((sum, { from, to }) => sum + to - from, 0)
  assert.equal(messages.length, 250 - missing)
  assert.ok(missing >= 8 && missing <= 12, JSON.stringify([...found!.damaged]))
})

test('a missing segment costs its messages and does not stop the reader', async (t) => {
  const directory = await writtenDirectory(t, 200, 400)
  const [, path, next] = await filesOf(directory, '.log')
  const { logs } = await openIn(t, directory)

  await rm(path!)

  const [from, to] = [path!, next!].map((name) => Number(name.slice(-20, -4)))
  assert.deepEqual(textsOf(await readAll(logs[0]!)), [...numbered(0, from!), ...numbered(to!, 200)])
})

test('a segment is sealed by age', async () => {
  let now = 1_700_000_000_000
  const clock = { ...systemClock, now: () => now }
  const disk = new SimulatedDisk(seededRandom(4))
  const options = { files: disk, clock, slotBytes: SLOT_BYTES, segmentMaxAgeMs: 60_000 }
  const store = diskStore(options)
  await store.open()
  const log = store.create('press_1')
  const segments: number[] = []

  for (const stepMs of [0, 59_000, 2000, -3_600_000, 1000]) {
    now += stepMs
    for (let count = 0; count < 12; count++) {
      log.append(binaryDraft(Buffer.alloc(1_000)))
      await store.commit()
    }
    segments.push(disk.files.filter((path) => path.endsWith('.log')).length)
  }

  assert.deepEqual(segments, [1, 1, 2, 2, 2])
})
