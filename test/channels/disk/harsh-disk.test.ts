/** What the fault campaigns of test/faults found, one test each, without the campaign. */
import assert from 'node:assert/strict'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CommitError } from '../../../src/channels/channel-log.ts'
import { CursorPosition } from '../../../src/channels/cursor-position.ts'
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
