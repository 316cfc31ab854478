/** Once the standing slots exist, a commit asks the disk for writes and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileLayer, OpenFile } from '../../../../../src/channels/disk/files/file-layer.ts'
import { JournalTrial, SLOT_BYTES, slotFiles } from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

const STANDING_SLOTS = 5

/** The disk, with a count of each kind of call to the journal's files and their directory. */
function countedFiles(disk: SimulatedDisk): { files: FileLayer; counts: Map<string, number> } {
  const counts = new Map<string, number>()
  const note = (call: string, path: string) => {
    if (path.includes('/journal')) counts.set(call, (counts.get(call) ?? 0) + 1)
  }
  const counted = (file: OpenFile, path: string): OpenFile => ({
    ...file,
    write: (bytes, start, end, position) => {
      note(position + end - start > SLOT_BYTES ? 'write beyond the end' : 'write', path)
      return file.write(bytes, start, end, position)
    },
    sync: () => {
      note('sync', path)
      return file.sync()
    },
    truncate: (bytes) => {
      note('truncate', path)
      return file.truncate(bytes)
    },
  })
  const files: FileLayer = {
    makeDirectory: (path) => {
      note('make directory', path)
      return disk.makeDirectory(path)
    },
    list: (path) => disk.list(path),
    open: async (path, mode) => {
      note(`open to ${mode}`, path)
      return counted(await disk.open(path, mode), path)
    },
    rename: (from, to) => {
      note('rename', to)
      return disk.rename(from, to)
    },
    remove: (path) => {
      note('remove', path)
      return disk.remove(path)
    },
    syncDirectory: (path) => {
      note('sync directory', path)
      return disk.syncDirectory(path)
    },
  }
  return { files, counts }
}

test('once the standing slots are made, a commit is a write to the journal and changes no metadata', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const { files, counts } = countedFiles(disk)
  const trial = new JournalTrial(1, { files })
  await trial.open()
  const commit = async () => {
    trial.append('quick', 2)
    trial.append('late')
    assert.ok(await trial.commit())
    trial.release('quick')
    trial.release('late', 20)
  }
  for (let round = 0; round < 50; round++) await commit()
  const made = slotFiles(disk).map((path) => [path, disk.contentOf(path).length])
  counts.clear()

  const commits = 300
  for (let round = 0; round < commits; round++) await commit()

  assert.equal(made.length, STANDING_SLOTS)
  assert.deepEqual(
    slotFiles(disk).map((path) => [path, disk.contentOf(path).length]),
    made,
  )
  const { 'open to durable': taken = 0, write = 0, ...others } = Object.fromEntries(counts)
  assert.deepEqual(others, {})
  assert.ok(taken > commits / 10, `${taken} slots were taken`)
  // A slot begins with a write of its own for the logs' entries.
  assert.ok(write <= commits + taken, `${write} writes for ${commits} commits in ${taken} slots`)
  await trial.check()
  await trial.store.close()
})
