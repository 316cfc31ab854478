import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { exportMessages } from '../../../../../src/channels/disk/doctor/export-messages.ts'
import { FINDINGS } from '../../../../../src/channels/disk/doctor/finding.ts'
import { inspectDirectory } from '../../../../../src/channels/disk/doctor/inspect.ts'
import { repairDirectory } from '../../../../../src/channels/disk/doctor/repair.ts'
import { systemClock } from '../../../../../src/clock.ts'
import { ConnectorError } from '../../../../../src/errors.ts'
import type { Message } from '../../../../../src/message.ts'
import { draftOf, textsOf } from '../../../../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../../../../support/disk/disk-stores.ts'

/** A closed directory: m0 … m99 in press_1, ten per commit, a second apart, in small segments. */
async function writtenDirectory(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t)
  const store = diskStore({ directory, slotBytes: 20_480, segmentBytes: 300 })
  await store.open()
  const log = store.create('press_1')
  const cursor = { position: 40, settled: [], delivered: 40, rejected: 0, dropped: {} }
  for (let offset = 0; offset < 100; offset++) {
    log.append(draftOf(`m${offset}`, { receivedAt: 1_700_000_000_000 + offset * 1000 }))
    if (offset % 10 < 9) continue
    await store.commit()
    // Positions take a part of each slot, so that few messages are settled at a time.
    log.noteState({ version: 1, cursors: { primary: cursor }, refused: {} }, 0)
    await store.commit()
  }
  await store.close()
  return directory
}

function pathIn(directory: string, name: string): string {
  return join(directory, 'channels', 'press_1', name)
}

async function namesOf(directory: string, ending: string): Promise<string[]> {
  return (await readdir(pathIn(directory, ''))).filter((name) => name.endsWith(ending)).sort()
}

/** Flips a bit in the bytes of a message. */
async function damageMessage(directory: string, text: string): Promise<void> {
  for (const name of await namesOf(directory, '.log')) {
    const bytes = await readFile(pathIn(directory, name))
    const at = bytes.indexOf(text)
    if (at < 0) continue
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(pathIn(directory, name), bytes)
    return
  }
  assert.fail(`${text} is in no segment`)
}

/** Names and contents of all files except locks. */
async function fingerprint(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('lock.'))
  const prints = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    return [
      path,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ]
  })
  return Object.fromEntries(await Promise.all(prints))
}

async function exported(
  directory: string,
  range: Partial<Parameters<typeof exportMessages>[1]> = {},
): Promise<Message[]> {
  const messages: Message[] = []
  for await (const message of exportMessages(directory, { channel: 'press_1', ...range })) {
    messages.push(message)
  }
  return messages
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `m${from + index}`)
}

test('an intact directory has no findings, and its figures are right', async (t) => {
  const directory = await writtenDirectory(t)
  const before = await fingerprint(directory)

  const inspection = await inspectDirectory(directory)

  const [channel] = inspection.channels
  assert.ok(channel)
  assert.deepEqual(channel.findings, [])
  assert.deepEqual([channel.start, channel.end, channel.messages], [0, 100, 100])
  assert.deepEqual(channel.positions, { primary: 40 })
  assert.equal(channel.oldestAt, 1_700_000_000_000)
  assert.equal(channel.newestAt, 1_700_000_099_000)
  assert.equal(inspection.usedBy, undefined)
  assert.deepEqual(await fingerprint(directory), before)
})

test('every kind of damage is found and explained, without changing a byte', async (t) => {
  const directory = await writtenDirectory(t)
  const logs = await namesOf(directory, '.log')
  const indexes = await namesOf(directory, '.idx')
  await damageMessage(directory, 'm15')
  const newest = pathIn(directory, logs.at(-1) ?? '')
  await truncate(newest, (await readFile(newest)).length - 3)
  await rm(pathIn(directory, indexes[2] ?? ''))
  await writeFile(pathIn(directory, indexes[3] ?? ''), 'no index')
  await writeFile(pathIn(directory, '9999999999999999.idx'), '')
  await writeFile(pathIn(directory, 'cursors.tmp'), 'half')
  await writeFile(pathIn(directory, 'note.txt'), 'mine')
  const state = await readFile(pathIn(directory, 'cursors'), 'utf8')
  await writeFile(pathIn(directory, 'cursors'), state.replace('40', '41'))
  const before = await fingerprint(directory)

  const inspection = await inspectDirectory(directory)

  const findings = inspection.channels[0]?.findings ?? []
  assert.deepEqual(findings.map((finding) => finding.kind).sort(), [
    'DamagedBytes',
    'DamagedIndex',
    'DamagedState',
    'LeftOver',
    'MissingIndex',
    'MissingMessages',
    'OrphanIndex',
    'UnfinishedWrite',
    'UnknownFile',
  ])
  const missing = findings.find((finding) => finding.kind === 'MissingMessages')
  assert.deepEqual(missing?.offsets, { from: 10, to: 20 })
  assert.deepEqual(await fingerprint(directory), before)
})

test('a repair fixes what it can, loses no readable message, and a second repair finds nothing to do', async (t) => {
  const directory = await writtenDirectory(t)
  await damageMessage(directory, 'm15')
  const logs = await namesOf(directory, '.log')
  const newest = pathIn(directory, logs.at(-1) ?? '')
  await truncate(newest, (await readFile(newest)).length - 3)
  for (const name of await namesOf(directory, '.idx')) await writeFile(pathIn(directory, name), '')
  await writeFile(pathIn(directory, 'cursors'), 'rubbish')
  await writeFile(pathIn(directory, 'note.txt'), 'mine')
  const readable = textsOf(await exported(directory))

  const repairs = await repairDirectory({ directory, clock: systemClock })
  const again = await repairDirectory({ directory, clock: systemClock })

  assert.ok(repairs.length >= 4)
  assert.deepEqual(again, [])
  assert.deepEqual(textsOf(await exported(directory)), readable)
  const left = (await inspectDirectory(directory)).channels[0]?.findings ?? []
  assert.deepEqual(left.map((finding) => finding.kind).sort(), [
    'DamagedBytes',
    'MissingMessages',
    'UnknownFile',
  ])
  assert.equal((await readdir(join(directory, 'quarantine'))).length, 4)
})

test('a directory in use is not repaired', async (t) => {
  const directory = await writtenDirectory(t)
  const store = diskStore({ directory })
  await store.open()
  t.after(() => store.close())

  await assert.rejects(
    repairDirectory({ directory, clock: systemClock }),
    (error) => error instanceof ConnectorError && error.code === 'DirectoryLocked',
  )
})

test('an export yields a range by offset or by time, and skips damage', async (t) => {
  const directory = await writtenDirectory(t)
  await damageMessage(directory, 'm15')

  const all = await exported(directory)
  const byOffset = await exported(directory, { from: 5, to: 25 })
  const byTime = await exported(directory, { since: 1_700_000_050_000, until: 1_700_000_053_000 })

  assert.deepEqual(textsOf(all), [...numbered(0, 10), ...numbered(20, 100)])
  assert.deepEqual(textsOf(byOffset), [...numbered(5, 10), ...numbered(20, 25)])
  assert.deepEqual(textsOf(byTime), numbered(50, 53))
  assert.deepEqual(await exported(directory, { channel: 'nobody' }), [])
})

test('a directory in use can be exported', async (t) => {
  const directory = await writtenDirectory(t)
  const store = diskStore({ directory })
  const [log] = await store.open()
  t.after(() => store.close())
  assert.ok(log)
  log.append(draftOf('m100'))
  await store.commit()

  assert.deepEqual(textsOf(await exported(directory)), numbered(0, 101))
})

test('each finding is explained in one sentence', () => {
  for (const [kind, { explanation }] of Object.entries(FINDINGS)) {
    assert.match(explanation, /^[A-Z][^.]*\.$/, kind)
  }
})
