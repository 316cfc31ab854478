/** Files of a data directory that were made immutable (`chattr +i`), as a backup tool may do. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { DiskLogStore } from '../../../../src/channels/disk/disk-log-store.ts'
import { systemClock } from '../../../../src/clock.ts'
import { draftOf, readAll } from '../../../support/channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { JournalTrial, SLOT_BYTES, slotFiles } from '../../../support/disk/journal-trial.ts'

const CHANNELS = ['press_1', 'press_2']

function storeIn(directory: string): DiskLogStore {
  return diskStore({ directory, slotBytes: SLOT_BYTES, clock: systemClock })
}

/** Two channels with a message each, after a stop or after a kill. */
async function prepared(t: TestContext, isStopped: boolean): Promise<string> {
  const directory = await temporaryDirectory(t)
  const first = storeIn(directory)
  await first.open()
  for (const channel of CHANNELS) first.create(channel).append(draftOf(channel))
  await first.commit()
  await first.close()
  if (isStopped) return directory
  const second = storeIn(directory)
  for (const log of await second.open()) log.append(draftOf(`${log.channel} later`))
  await second.commit()
  // As after a kill: closed without storing anything.
  await second.close(-1)
  return directory
}

function change(attribute: '+i' | '-i', path: string): void {
  execFileSync('chattr', [attribute, path], { stdio: 'ignore' })
}

/** False if files can’t be made immutable here: that needs root, and a file system with attributes. */
function makeImmutable(path: string): boolean {
  try {
    change('+i', path)
    return true
  } catch {
    return false
  }
}

const HARMLESS = [
  { what: 'the positions of a channel', pick: () => 'channels/press_1/cursors' },
  { what: 'the lock of the last process', pick: (names: string[]) => newest(names, /^lock\.\d+$/) },
  { what: 'the spare block for a lock', pick: () => 'lock.spare' },
  { what: 'the newest slot of the journal', pick: (names: string[]) => newest(names, /\.jnl$/) },
]

function newest(names: readonly string[], pattern: RegExp): string {
  return (
    names
      .filter((name) => pattern.test(name))
      .sort()
      .at(-1) ?? ''
  )
}

for (const isStopped of [true, false]) {
  for (const { what, pick } of HARMLESS) {
    test(`after a ${isStopped ? 'stop' : 'kill'}, all channels start, and lose and refuse nothing, though ${what} can’t be changed`, async (t) => {
      const directory = await prepared(t, isStopped)
      const path = join(directory, pick(await readdir(directory, { recursive: true })))
      if (!makeImmutable(path)) return t.skip('files can’t be made immutable here')
      const store = storeIn(directory)
      try {
        const logs = await store.open()
        for (let round = 0; round < 20; round++) {
          for (const log of logs) log.append(draftOf(`${round}`.padEnd(1_000, 'x')))
          await store.commit()
        }
        const { faults } = store
        await store.close()
        const next = storeIn(directory)
        const found = await Promise.all((await next.open()).map((log) => readAll(log)))
        await next.close()

        assert.deepEqual(logs.map(({ channel }) => channel).sort(), CHANNELS)
        assert.deepEqual(faults, [])
        const expected = (isStopped ? 1 : 2) + 20
        assert.deepEqual(
          found.map(({ length }) => length),
          [expected, expected],
        )
      } finally {
        change('-i', path)
      }
    })
  }
}

test('a data directory that can’t be changed is named in the error, with the reason', async (t) => {
  const directory = await prepared(t, true)
  if (!makeImmutable(directory)) return t.skip('directories can’t be made immutable here')
  try {
    await assert.rejects(storeIn(directory).open(), {
      code: 'StorageFailed',
      message: new RegExp(`^the data directory ${directory} can’t be used: .*EPERM`),
    })
  } finally {
    change('-i', directory)
  }
})

test('slots of the journal that could not be opened are used again once they can be', async () => {
  const trial = new JournalTrial(21)
  await trial.open()
  trial.append('press', 2)
  await trial.commit()
  const slots = slotFiles(trial.disk).length
  trial.disk.fail = (operation, path) =>
    operation === 'open' && path.includes('/journal/') ? 'EACCES' : undefined
  let failures = 0
  for (let round = 0; round < 20; round++) {
    trial.append('press', 4)
    if (!(await trial.commit())) failures++
    trial.release('press')
  }
  trial.disk.fail = () => undefined
  for (let round = 0; round < 40; round++) {
    trial.append('press', 4)
    assert.ok(await trial.commit(), `commit ${round}`)
    trial.release('press')
  }

  assert.ok(failures > 0)
  await trial.check()
  assert.ok(slotFiles(trial.disk).length <= slots + 1)
  await trial.crash()
})
