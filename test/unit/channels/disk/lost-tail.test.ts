/** The end of a log after a crash: unfinished writes are cut off, lost messages are named. */
import assert from 'node:assert/strict'
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspectDirectory } from '../../../../src/channels/disk/doctor/inspect.ts'
import { FRAME_HEADER_BYTES, frameBytesAt } from '../../../../src/channels/disk/format/frame.ts'
import { encodeState } from '../../../../src/channels/disk/format/state-file.ts'
import { systemClock } from '../../../../src/clock.ts'
import { type CutTail, type PipelineObserver, silentObserver } from '../../../../src/observer.ts'
import {
  appendTexts,
  binaryDraft,
  draftOf,
  readAll,
  textsOf,
} from '../../../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const SECTOR_BYTES = 512
const STARTED_AT = 1_700_000_000_000

interface Reports {
  readonly observer: PipelineObserver
  readonly cut: CutTail[]
  readonly damage: string[]
}

function reports(): Reports {
  const cut: CutTail[] = []
  const damage: string[] = []
  const observer = {
    ...silentObserver,
    tailCut: (_channel: string, tail: CutTail) => void cut.push(tail),
    damageFound: (_channel: string, what: string) => void damage.push(what),
  }
  return { observer, cut, damage }
}

/** The directory as a version without a journal left it; the state, if any, knows `knows`. */
async function asEarlierVersion(directory: string, knows: number | undefined): Promise<void> {
  const path = join(directory, 'channels', 'press_1', 'cursors')
  await rm(join(directory, 'journal'), { recursive: true })
  if (knows === undefined) await rm(path)
  else await writeFile(path, encodeState({ version: 1, cursors: {}, refused: {}, end: knows }))
}

/** A closed directory: a, b and c, a commit and a second apart; the state knows `knows`. */
async function writtenDirectory(t: TestContext, knows: number): Promise<string> {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory })
  await store.open()
  const log = store.create('press_1')
  for (const [index, text] of ['a', 'b', 'c'].entries()) {
    log.append(draftOf(text, { receivedAt: STARTED_AT + index * 1_000 }))
    await store.commit()
  }
  await store.close()
  await asEarlierVersion(directory, knows)
  return directory
}

function newest(directory: string): string {
  return join(directory, 'channels', 'press_1', '0000000000000000.log')
}

async function cutShort(directory: string, bytes: number): Promise<void> {
  await truncate(newest(directory), (await stat(newest(directory))).size - bytes)
}

async function openLog(t: TestContext, directory: string, observer: PipelineObserver) {
  const store = diskStore({ directory, observer })
  const [log] = await store.open()
  t.after(() => store.close())
  assert.ok(log)
  return { log, store }
}

test('a write that never finished is cut off, and its bytes and its time are reported', async (t) => {
  const directory = await writtenDirectory(t, 2)
  await cutShort(directory, 3)
  const { observer, cut, damage } = reports()

  const [before] = (await inspectDirectory(directory)).channels
  const { log } = await openLog(t, directory, observer)

  const [finding] = before?.findings ?? []
  assert.equal(finding?.kind, 'UnfinishedWrite')
  assert.deepEqual([finding?.messages, finding?.since], [1, STARTED_AT + 1_000])
  assert.deepEqual(cut, [{ bytes: finding?.bytes, messages: 1, lastMessageAt: STARTED_AT + 1_000 }])
  assert.deepEqual(damage, [])
  assert.deepEqual(textsOf(await readAll(log)), ['a', 'b'])
  assert.deepEqual([...log.damaged], [])
})

test('a lost tail that is known to have been stored is reported, and its remaining messages are kept', async (t) => {
  const directory = await writtenDirectory(t, 3)
  await cutShort(directory, 3)
  const { observer, cut, damage } = reports()

  const [before] = (await inspectDirectory(directory)).channels
  const { log, store } = await openLog(t, directory, observer)
  appendTexts(log, ['d'])
  await store.commit()
  const messages = await readAll(log)
  await store.close()
  const again = reports()
  await openLog(t, directory, again.observer)

  assert.deepEqual(
    before?.findings.map(({ kind, severity }) => `${kind} ${severity}`),
    ['DamagedBytes loss', 'MissingMessages loss'],
  )
  assert.deepEqual(cut, [])
  assert.equal(damage.length, 1)
  assert.equal((await readdir(join(directory, 'quarantine'))).length, 2)
  assert.deepEqual([...log.damaged], [{ from: 2, to: 3 }])
  assert.deepEqual(
    messages.map(({ offset, payload }) => `${offset} ${payload}`),
    ['0 a', '1 b', '3 d'],
  )
  assert.deepEqual(again.damage, [], 'reported once')
})

test('a lost tail of which nothing remains is reported as well', async (t) => {
  const directory = await writtenDirectory(t, 3)
  const whole = (await stat(newest(directory))).size
  await cutShort(directory, (whole - 44) / 3)
  const { observer, cut, damage } = reports()

  const [before] = (await inspectDirectory(directory)).channels
  const { log } = await openLog(t, directory, observer)

  assert.deepEqual(
    before?.findings.map(({ kind, offsets }) => ({ kind, offsets })),
    [{ kind: 'LostTail', offsets: { from: 2, to: 3 } }],
  )
  assert.deepEqual(cut, [])
  assert.deepEqual(damage, ['missing: 1 stored message.'])
  assert.deepEqual([...log.damaged], [{ from: 2, to: 3 }])
})

test('all readable messages of a large commit that is known to have been stored are kept', async (t) => {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory })
  await store.open()
  const log = store.create('press_1')
  for (let index = 0; index < 60; index++) log.append(binaryDraft(Buffer.alloc(1_000, 1 + index)))
  await store.commit()
  await store.close()
  const bytes = await readFile(newest(directory))
  bytes.fill(0, 3 * SECTOR_BYTES, 4 * SECTOR_BYTES)
  await writeFile(newest(directory), bytes)
  const { observer, cut, damage } = reports()

  const { log: found } = await openLog(t, directory, observer)
  const messages = await readAll(found)

  assert.deepEqual([cut.length, damage.length], [0, 1])
  assert.ok(messages.length > 30, `${messages.length} can be read`)
  assert.equal(messages.at(-1)?.offset, 59)
})

test('a sector of zeros in the last commit is not an unfinished write if the commit is known to have been stored', async (t) => {
  for (const knows of [0, 1]) {
    const directory = await temporaryDirectory(t)
    const store = diskStore({ directory })
    await store.open()
    const log = store.create('press_1')
    log.append(binaryDraft(Buffer.alloc(4 * SECTOR_BYTES)))
    await store.commit()
    await store.close()
    await asEarlierVersion(directory, knows)
    const bytes = await readFile(newest(directory))
    bytes.writeUInt8(1, bytes.length - 1)
    await writeFile(newest(directory), bytes)
    const { observer, cut, damage } = reports()

    await openLog(t, directory, observer)

    assert.deepEqual([cut.length, damage.length], knows === 0 ? [1, 0] : [0, 1])
  }
})

test('a large commit of which only the end reached the disk never finished, as a whole', async (t) => {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory })
  await store.open()
  const log = store.create('press_1')
  appendTexts(log, ['stored'])
  await store.commit()
  for (let index = 0; index < 60; index++) log.append(binaryDraft(Buffer.alloc(1_000, 1 + index)))
  await store.commit()
  await store.close()
  await asEarlierVersion(directory, undefined)
  const bytes = await readFile(newest(directory))
  const size = FRAME_HEADER_BYTES + frameBytesAt(bytes, FRAME_HEADER_BYTES)
  const lost = size - (size % SECTOR_BYTES) + 3 * SECTOR_BYTES
  bytes.fill(0, lost, lost + SECTOR_BYTES)
  await writeFile(newest(directory), bytes)
  const { observer, cut, damage } = reports()

  const { log: found } = await openLog(t, directory, observer)

  assert.deepEqual(textsOf(await readAll(found)), ['stored'])
  assert.deepEqual(
    cut.map((tail) => tail.bytes),
    [bytes.length - size],
  )
  assert.deepEqual([damage, [...found.damaged], found.end], [[], [], 1])
})

test('a large commit that misses its beginning before a later commit is damaged, because the later one proves that it was stored', async (t) => {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory })
  await store.open()
  const log = store.create('press_1')
  for (let index = 0; index < 60; index++) log.append(binaryDraft(Buffer.alloc(1_000, 1 + index)))
  await store.commit()
  appendTexts(log, ['later'])
  await store.commit()
  await store.close()
  await asEarlierVersion(directory, undefined)
  const bytes = await readFile(newest(directory))
  bytes.fill(0, 3 * SECTOR_BYTES, 4 * SECTOR_BYTES)
  await writeFile(newest(directory), bytes)
  const { observer, cut, damage } = reports()

  const { log: found } = await openLog(t, directory, observer)
  const messages = await readAll(found)

  assert.deepEqual([cut.length, damage.length], [0, 1])
  assert.equal(messages.at(-1)?.payload.toString(), 'later')
  assert.ok(messages.length > 30, `${messages.length} can be read`)
})

/** A disk whose store was never closed: a, b and c, each committed; one byte is wrong. */
async function withBadEnd(text: string): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(1))
  const clock = { ...systemClock, now: () => STARTED_AT + 5_000 }
  const store = diskStore({ files: disk, clock })
  await store.open()
  const log = store.create('press_1')
  for (const one of ['of a', 'of b', 'of c']) {
    appendTexts(log, [one])
    await store.commit()
  }
  const path = disk.files.find((one) => one.endsWith('.jnl') && disk.contentOf(one).includes(text))
  assert.ok(path)
  disk.damage(path, disk.contentOf(path).indexOf(text), 1)
  return disk
}

test('the newest write of the journal never finished if it is broken: it is left out and reported', async () => {
  const disk = await withBadEnd('of c')
  const { observer, cut, damage } = reports()

  const store = diskStore({ files: disk, observer })
  const [log] = await store.open()
  assert.ok(log)
  appendTexts(log, ['of d'])
  await store.commit()

  assert.deepEqual(textsOf(await readAll(log)), ['of a', 'of b', 'of d'])
  assert.deepEqual([...log.damaged], [])
  assert.deepEqual(damage, [])
  assert.equal(cut.length, 1)
  assert.equal(cut[0]?.lastMessageAt, STARTED_AT + 5_000)
  assert.ok((cut[0]?.bytes ?? 0) > 0)
})

test('a broken write in the journal before a later write is damage', async () => {
  const disk = await withBadEnd('of b')
  const { observer, cut, damage } = reports()

  const store = diskStore({ files: disk, observer })
  const [log] = await store.open()
  assert.ok(log)

  assert.deepEqual(textsOf(await readAll(log)), ['of a', 'of c'])
  assert.deepEqual([...log.damaged], [{ from: 1, to: 2 }])
  assert.deepEqual(cut, [])
  assert.match(damage.join('\n'), /bytes of the journal do not match their checksum/)
})
