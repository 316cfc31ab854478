/** Removed files: their room is used again only once they can't come back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskSpace } from '../../../../../src/channels/disk/files/disk-space.ts'
import { Removals } from '../../../../../src/channels/disk/files/removals.ts'
import { binaryDraft } from '../../../../support/channels/log-drafts.ts'
import { diskStore } from '../../../../support/disk/disk-stores.ts'
import { JournalTrial, promptClock, SLOT_BYTES } from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

const DIRECTORY = '/data'

/** Removals on a disk with three files of 10 bytes, and the calls to that disk. */
function removalsOfThree() {
  const disk = new SimulatedDisk(seededRandom(1))
  for (const name of ['a', 'b', 'c']) disk.replace(`${DIRECTORY}/${name}`, Buffer.alloc(10))
  const space = new DiskSpace(1_000)
  space.count(30)
  const calls: string[] = []
  disk.fail = (operation, path) => {
    calls.push(`${operation} ${path.slice(DIRECTORY.length + 1)}`.trim())
    return undefined
  }
  const removals = new Removals({ files: disk, directory: DIRECTORY, space })
  const remove = (name: string) => {
    space.release(10)
    const paths = [`${DIRECTORY}/${name}`]
    return removals.remove({ paths, bytes: 10, close: () => Promise.resolve() })
  }
  return { disk, space, calls, removals, remove }
}

test('files that are removed at the same time take one sync of their directory', async () => {
  const { calls, space, remove } = removalsOfThree()

  await Promise.all([remove('a'), remove('b'), remove('c')])

  assert.deepEqual(calls, ['remove a', 'remove b', 'remove c', 'syncDirectory'])
  assert.equal(space.onDisk, 0)
})

test('a file that can’t be removed is counted until a later removal succeeds, in order', async () => {
  const { disk, space, calls, remove } = removalsOfThree()
  const noted = disk.fail
  disk.fail = (...call) => noted(...call) ?? (call[0] === 'syncDirectory' ? 'EIO' : undefined)

  await assert.rejects(remove('a'), { code: 'EIO' })
  const whileItFails = space.onDisk
  disk.fail = noted
  await remove('b')

  assert.deepEqual([whileItFails, space.onDisk], [30, 10])
  assert.deepEqual(calls.slice(2), ['remove a', 'remove b', 'syncDirectory'])
})

test('a file that could not be removed and is rewritten stays', async () => {
  const { disk, space, removals, remove } = removalsOfThree()
  disk.fail = (operation) => (operation === 'remove' ? 'EIO' : undefined)
  await assert.rejects(remove('a'), { code: 'EIO' })
  disk.fail = () => undefined

  await removals.cancel(`${DIRECTORY}/a`)
  space.count(10)
  await remove('b')

  assert.deepEqual(disk.files, [`${DIRECTORY}/a`, `${DIRECTORY}/c`])
  assert.equal(space.onDisk, 20)
})

test('removals succeed in a directory that is gone', async () => {
  const { disk, space, remove } = removalsOfThree()
  disk.fail = (operation) => (operation === 'syncDirectory' ? 'ENOENT' : undefined)

  await remove('a')

  assert.equal(space.onDisk, 20)
})

test('removed history is durably removed before its room is used', async () => {
  const disk = new SimulatedDisk(seededRandom(2))
  const options = { files: disk, clock: promptClock, maxBytes: 600_000, slotBytes: SLOT_BYTES }
  const store = diskStore({ ...options, segmentBytes: 8_000, historyBytes: 1_000_000 })
  await store.open()
  const log = store.create('press_1')
  const unsynced = new Set<string>()
  const early: string[] = []
  disk.fail = (operation, path) => {
    if (operation === 'remove') unsynced.add(path)
    if (operation === 'syncDirectory') {
      for (const one of unsynced) if (one.startsWith(`${path}/`)) unsynced.delete(one)
    }
    // Slots keep their length: only a segment, or a slot that is being created, grows.
    const isGrowing = operation === 'write' && !path.endsWith('.jnl')
    if (isGrowing || operation === 'truncate') if (unsynced.size > 0) early.push(path)
    return undefined
  }

  for (let round = 0; round < 400; round++) {
    if (!store.makeRoom(4_000)) assert.fail('there is no room')
    log.append(binaryDraft(Buffer.alloc(3_000, round)))
    await store.commit()
    if (round % 20 === 19) log.release(log.committed - 10)
  }

  assert.ok(log.start > 0, 'nothing was let go of')
  assert.deepEqual(early, [])
  await store.close()
})

test('a segment that can’t be cut back after a failure releases its room once it is history', async () => {
  const trial = new JournalTrial(3, { segmentBytes: 100_000 })
  await trial.open()
  const fill = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      trial.append('stuck', 4)
      await trial.commit()
    }
  }
  await fill(20)
  const logs = () => trial.disk.files.filter((path) => path.endsWith('.log'))
  const [first] = logs()
  trial.disk.fail = (operation, path) => {
    const isMeant = operation === 'sync' || operation === 'truncate'
    return isMeant && path.endsWith('.log') ? 'EIO' : undefined
  }
  await fill(20)
  trial.disk.fail = () => undefined
  await fill(20)

  await trial.check()
  trial.release('stuck')
  await trial.commit()
  await trial.store.close()

  assert.match(first ?? '', /0000\.log$/)
  assert.equal(logs().length, 1)
  assert.ok(!logs().includes(first ?? ''))
})

test('a segment with the name of one that could not be removed is not removed in its place', async () => {
  const trial = new JournalTrial(4)
  await trial.open()
  const fill = async (rounds: number) => {
    let count = 0
    for (let round = 0; round < rounds; round++) {
      trial.append('late', 4)
      if (await trial.commit()) count++
    }
    return count
  }
  await fill(20)
  trial.disk.fail = (operation, path) => {
    const isMeant = operation === 'sync' || operation === 'remove'
    return isMeant && path.endsWith('.log') ? 'EIO' : undefined
  }
  const whileItFails = await fill(20)
  trial.disk.fail = () => undefined
  await fill(20)

  for (let keep = 160; keep >= 0; keep -= 4) {
    trial.release('late', keep)
    await trial.commit()
    await trial.check()
  }

  assert.ok(whileItFails < 20)
})

test('after a stop whose last removal was not made durable, the next start syncs the directory', async () => {
  const trial = new JournalTrial(9)
  await trial.open()
  trial.append('press', 40)
  await trial.commit()
  await trial.restart()
  // Only the syncs after removals fail. Those of the stop, which come last, succeed.
  let failures = 0
  let isStopping = false
  trial.disk.fail = (operation, path) => {
    if (!path.includes('/press')) return undefined
    if (operation === 'open') isStopping = true
    if (operation !== 'syncDirectory' || isStopping) return undefined
    failures++
    return 'EIO'
  }
  trial.release('press')
  await trial.commit()
  await trial.store.close()
  assert.ok(failures > 0 && isStopping)
  let syncs = 0
  trial.disk.fail = (operation, path) => {
    if (operation === 'syncDirectory' && path.endsWith('/press')) syncs++
    return undefined
  }

  await trial.open()

  assert.ok(syncs > 0)
  await trial.check()
})
