/** Files of one channel fail while the rest of the disk works. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ConnectorError } from '../../../../src/errors.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { ChannelSetRig } from '../../../support/channels/channel-set-rig.ts'
import { draftOf, readAll, textsOf } from '../../../support/channels/log-drafts.ts'
import {
  BROKEN,
  crashedWithTwo,
  FAILING_CALLS,
  failing,
} from '../../../support/disk/broken-channel.ts'
import { diskStore, temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { JournalTrial, promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'

for (const call of FAILING_CALLS) {
  const what = `${call.operation} of ${call.path} fails with ${call.code}`
  test(`a start on which ${what} sets that channel aside, starts the others, and loses nothing`, async () => {
    const trial = await crashedWithTwo()
    const expected = textsOf(await readAll(trial.log('broken')))
    trial.disk.fail = failing(call)
    const reports: string[] = []
    const store = diskStore({
      files: trial.disk,
      clock: promptClock,
      slotBytes: SLOT_BYTES,
      observer: {
        ...silentObserver,
        storageFailed: (channel: string, error: ConnectorError) =>
          void reports.push(`${channel}: ${error.message}`),
      },
    })

    const logs = await store.open()
    const names = logs.map(({ channel }) => channel)
    const fine = logs.find(({ channel }) => channel === 'fine')
    // Slots are used again and again, and those that hold messages of the broken channel are not.
    for (let round = 0; round < 60; round++) {
      fine?.append(draftOf('x'.repeat(2_000)))
      await store.commit()
      fine?.release(fine.committed)
    }
    const { faults } = store
    await store.close()
    trial.disk.fail = () => undefined
    const repaired = diskStore({ files: trial.disk, clock: promptClock, slotBytes: SLOT_BYTES })
    const found = (await repaired.open()).find(({ channel }) => channel === 'broken')

    assert.deepEqual(names, ['fine'])
    assert.deepEqual(
      faults.map(({ channel }) => channel),
      ['broken'],
    )
    assert.match(
      reports[0] ?? '',
      new RegExp(`^broken: .*${call.code}.* tries again at least once a minute`),
    )
    assert.deepEqual(found && textsOf(await readAll(found)), expected)
    await repaired.close()
  })
}

test('messages of a channel that is set aside are refused with the reason, and withheld from senders that keep them', async () => {
  const trial = await crashedWithTwo()
  trial.disk.fail = failing({ operation: 'open', path: '.log', code: 'EIO' })
  const rig = new ChannelSetRig({
    openStore: () => diskStore({ files: trial.disk, clock: promptClock, slotBytes: SLOT_BYTES }),
  })
  await rig.set.open()

  const refused = rig.set.offer('broken', draftOf('1'), true)
  const taken = rig.set.offer('fine', draftOf('2'), true)

  assert.equal(typeof refused === 'object' && refused.error, 'StorageFailed')
  assert.equal(typeof taken, 'number')
  assert.equal(rig.set.faults.length, 1)
  await rig.set.close()
})

test('a channel whose files can’t be written is set aside, and does not make the other channels wait', async () => {
  const trial = new JournalTrial(11)
  await trial.open()
  trial.disk.fail = (operation, path) =>
    path.startsWith(BROKEN) && operation !== 'list' && operation !== 'read' ? 'EIO' : undefined
  trial.append('broken', 10)
  await trial.commit()

  for (let round = 0; round < 80; round++) {
    trial.append('fine', 4)
    assert.ok(await trial.commit(), `commit ${round} failed`)
    trial.release('fine', 8)
  }
  const { fault } = trial.log('broken')
  await trial.check()
  await trial.crash()
  trial.disk.fail = () => undefined
  for (let round = 0; round < 20; round++) {
    trial.append('fine', 4)
    await trial.commit()
  }
  await trial.check()

  assert.equal(fault?.error, 'StorageFailed')
  assert.match(fault?.message ?? '', /Channel broken is set aside, .* EIO/)
})

test('a channel whose files still fail after a kill does not make the other channels wait', async () => {
  const trial = new JournalTrial(14)
  await trial.open()
  trial.disk.fail = (operation, path) =>
    path.startsWith(BROKEN) && (operation === 'write' || operation === 'sync') ? 'EIO' : undefined
  for (let life = 0; life < 4; life++) {
    for (let round = 0; trial.log('broken').fault === undefined; round++) {
      assert.ok(round < 200, `life ${life}: the channel is not set aside`)
      trial.append('broken', 2)
      trial.append('fine', 2)
      await trial.commit() // one that waits for these files may fail, until they have failed twice
    }
    for (let round = 0; round < 60; round++) {
      trial.append('fine', 4)
      assert.ok(await trial.commit(), `life ${life}, later round ${round}: the commit failed`)
    }
    await trial.crash(false)
  }
  trial.disk.fail = () => undefined
  await trial.restart()

  await trial.check()
})

test('a channel that was set aside settles its oldest messages first, whatever other channels wait for', async () => {
  const trial = new JournalTrial(15)
  await trial.open()
  let isBroken = true
  trial.disk.fail = (operation, path) => {
    if (operation !== 'write' && operation !== 'sync') return undefined
    if (path.includes('/fine/')) return 'ENOSPC'
    return isBroken && path.startsWith(BROKEN) ? 'EIO' : undefined
  }
  // The first slot is needed by both, and the channel that is fine waits for room on the disk.
  trial.append('fine', 1)
  for (let round = 0; trial.log('broken').fault === undefined; round++) {
    assert.ok(round < 100, 'the channel is not set aside')
    trial.append('broken', 4)
    await trial.commit()
  }

  isBroken = false
  await trial.store.retryFaults()

  await trial.check()
  trial.disk.fail = () => undefined
  await trial.crash()
  await trial.check()
})

test('a channel that was set aside takes messages again once its files can be written', async () => {
  const trial = new JournalTrial(12)
  await trial.open()
  trial.disk.fail = (operation, path) =>
    path.startsWith(BROKEN) && operation === 'open' ? 'EPERM' : undefined
  trial.append('broken', 10)
  for (let round = 0; trial.log('broken').fault === undefined && round < 80; round++) {
    trial.append('fine', 4)
    await trial.commit()
  }
  assert.ok(trial.log('broken').fault !== undefined)

  await trial.store.retryFaults()
  const whileItFails = trial.log('broken').fault
  trial.disk.fail = () => undefined
  await trial.store.retryFaults()

  assert.ok(whileItFails !== undefined)
  assert.equal(trial.log('broken').fault, undefined)
  await trial.restart()
  await trial.check()
})

test('a clean stop while a channel is set aside keeps its messages in the journal', async () => {
  const trial = new JournalTrial(13)
  await trial.open()
  trial.disk.fail = (operation, path) =>
    path.startsWith(BROKEN) && operation === 'open' ? 'EPERM' : undefined
  trial.append('broken', 10)
  for (let round = 0; trial.log('broken').fault === undefined && round < 80; round++) {
    trial.append('fine', 4)
    await trial.commit()
  }

  await trial.store.close()
  trial.disk.fail = () => undefined
  await trial.open()

  await trial.check()
})

/** Whether the attribute could be changed: that needs root, and a file system with attributes. */
function makeImmutable(change: '+i' | '-i', path: string): boolean {
  try {
    execFileSync('chattr', [change, path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a segment that was made immutable costs no other channel its start', async (t) => {
  const directory = await temporaryDirectory(t)
  const first = diskStore({ directory, slotBytes: SLOT_BYTES })
  await first.open()
  for (const channel of ['press_1', 'press_2']) first.create(channel).append(draftOf(channel))
  await first.commit()
  await first.close()
  const channel = join(directory, 'channels', 'press_1')
  const [name = ''] = (await readdir(channel)).filter((one) => one.endsWith('.log'))
  const segment = join(channel, name)
  if (!makeImmutable('+i', segment)) return t.skip('files can’t be made immutable here')
  const store = diskStore({ directory, slotBytes: SLOT_BYTES })
  try {
    const names = (await store.open()).map((log) => log.channel)

    assert.deepEqual(names, ['press_2'])
    assert.match(store.faults[0]?.refusal.message ?? '', /press_1 .*EPERM/)
  } finally {
    await store.close()
    makeImmutable('-i', segment)
  }
})

test('a directory in the place of a state file’s draft costs no channel its start', async (t) => {
  const directory = await temporaryDirectory(t)
  await mkdir(join(directory, 'channels', 'press_1', 'cursors.tmp'), { recursive: true })
  const store = diskStore({ directory, slotBytes: SLOT_BYTES })

  await store.open()
  store.create('press_1').append(draftOf('1'))
  await store.commit()

  assert.deepEqual(store.faults, [])
  await store.close()
})
