/** After a commit that failed: how a log finds out, without a message, that it can be written again. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ChannelLog, CommitError } from '../../../src/channels/channel-log.ts'
import type { DiskLogStore } from '../../../src/channels/disk/disk-log-store.ts'
import { diskStore, MEBIBYTE } from '../../support/disk-stores.ts'
import { appendTexts, binaryDraft, readAll, textsOf } from '../../support/log-drafts.ts'
import { type Operation, SimulatedDisk, seededRandom } from '../../support/simulated-disk.ts'

const WRITING: readonly Operation[] = ['open', 'write', 'sync', 'truncate', 'rename', 'remove']

async function openLog(
  t: TestContext,
  disk: SimulatedDisk,
): Promise<{ store: DiskLogStore; log: ChannelLog }> {
  const store = diskStore({ files: disk })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  appendTexts(log, ['a'])
  await log.commit()
  return { store, log }
}

test('a disk is not called well before it takes as much as the commit that failed', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const { store, log } = await openLog(t, disk)
  const bytes = store.bytes
  disk.capacityBytes = disk.bytes + 20_000
  log.append(binaryDraft(Buffer.alloc(30_000, 1)))
  await assert.rejects(log.commit(), CommitError)

  await assert.rejects(log.probe(), { code: 'ENOSPC' })
  disk.capacityBytes += 20_000
  await log.probe()
  await log.probe()
  const bytesAfter = store.bytes
  const room = disk.capacityBytes - disk.bytes
  log.append(binaryDraft(Buffer.alloc(30_000, 2)))
  await log.commit()

  assert.ok(room > 30_000, 'what was written for the proof is gone')
  assert.ok(bytesAfter - bytes < 4_096, `${bytesAfter - bytes} bytes are held`)
  assert.deepEqual(
    (await readAll(log)).map(({ offset, payload }) => [offset, payload.length]),
    [
      [0, 1],
      [1, 30_000],
    ],
  )
})

test('what little room there is is found, step by step', async (t) => {
  const disk = new SimulatedDisk(seededRandom(6))
  const { log } = await openLog(t, disk)
  disk.capacityBytes = disk.bytes + 10_000
  log.append(binaryDraft(Buffer.alloc(30_000, 1)))
  await assert.rejects(log.commit(), CommitError)

  await assert.rejects(log.probe(), { code: 'ENOSPC' })
  await assert.rejects(log.probe(), { code: 'ENOSPC' })
  await log.probe()
  appendTexts(log, ['small'])
  await log.commit()

  assert.deepEqual(textsOf(await readAll(log)), ['a', 'small'])
})

test('a probe gives history up on a full disk, as a message would', async (t) => {
  const disk = new SimulatedDisk(seededRandom(2))
  const store = diskStore({ files: disk, segmentBytes: 2_000, historyBytes: 10 * MEBIBYTE })
  await store.open()
  t.after(() => store.close())
  const log = store.create('press_1')
  for (let round = 0; round < 400; round++) {
    log.append(binaryDraft(Buffer.alloc(1_000, 1)))
    await log.commit()
  }
  log.release(log.committed)
  disk.capacityBytes = disk.bytes
  log.append(binaryDraft(Buffer.alloc(1_000, 1)))
  const failed = await log.commit().catch((error: unknown) => error)

  for (let probe = 0; probe < 5; probe++) await log.probe().catch(() => undefined)
  await log.probe()

  assert.ok(failed instanceof CommitError)
})

test('whatever a disk refuses during a probe, nothing is lost and nothing is left behind', async (t) => {
  for (const operation of WRITING) {
    const disk = new SimulatedDisk(seededRandom(3))
    const { store, log } = await openLog(t, disk)
    disk.fail = (one) => (WRITING.includes(one) ? 'EROFS' : undefined)
    appendTexts(log, ['refused'])
    await assert.rejects(log.commit(), CommitError)
    disk.fail = (one) => (one === operation ? 'EROFS' : undefined)
    for (let probe = 0; probe < 3; probe++) await log.probe().catch(() => undefined)
    disk.fail = () => undefined

    await log.probe()
    const bytes = store.bytes
    await log.probe()
    appendTexts(log, ['b'])
    await log.commit()

    assert.ok(store.bytes - bytes < 1_000, operation)
    assert.deepEqual(textsOf(await readAll(log)), ['a', 'b'], operation)
  }
})

test('a probe and a commit at the same time do each other no harm', async (t) => {
  const disk = new SimulatedDisk(seededRandom(4))
  const { log } = await openLog(t, disk)

  appendTexts(log, ['b'])
  const first = [log.probe(), log.commit()]
  await Promise.all(first)
  appendTexts(log, ['c'])
  const second = [log.commit(), log.probe()]
  await Promise.all(second)

  assert.deepEqual(textsOf(await readAll(log)), ['a', 'b', 'c'])
})

test('messages of a failed commit that could not be cut off are gone for good once a probe was good', async (t) => {
  const disk = new SimulatedDisk(seededRandom(5))
  const { log } = await openLog(t, disk)
  disk.fail = (operation) => (['sync', 'truncate'].includes(operation) ? 'EIO' : undefined)
  appendTexts(log, ['told as lost'])
  await assert.rejects(log.commit(), CommitError)
  disk.fail = () => undefined

  await log.probe()
  const [found] = await diskStore({ files: disk }).open()

  assert.deepEqual(found && textsOf(await readAll(found)), ['a'])
})
