/** Channels that could not be opened or read at the start, as senders and operators see them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelRules } from '../../../src/channels/channel-rules.ts'
import { silentObserver } from '../../../src/observer.ts'
import { LossWatch } from '../../../src/operator/loss-watch.ts'
import { ChannelSetRig, ledgerGap } from '../../support/channels/channel-set-rig.ts'
import { BROKEN, crashedWithTwo, failing } from '../../support/disk/broken-channel.ts'
import { diskStore } from '../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../support/disk/journal-trial.ts'
import type { SimulatedDisk } from '../../support/disk/simulated-disk.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { settled } from '../../support/settled.ts'

const LONGEST_PAUSE_MS = 60_000

async function openSet(disk: SimulatedDisk) {
  const clock = new ManualClock()
  const reports: string[] = []
  const observer = {
    ...silentObserver,
    storageFailed: (channel: string) => void reports.push(`${channel} failed`),
    storageRecovered: (channel: string) => void reports.push(`${channel} recovered`),
  }
  const rig = new ChannelSetRig({
    clock,
    observer,
    openStore: () =>
      diskStore({
        files: disk,
        clock: { ...promptClock, monotonic: () => clock.monotonic() },
        slotBytes: SLOT_BYTES,
        observer,
      }),
  })
  await rig.set.open()
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      rig.clock.advance(5_000)
      await settled()
    }
  }
  return { rig, reports, pass }
}

test('a channel that can’t be opened has a row in the ledger that says why', async () => {
  const trial = await crashedWithTwo()
  trial.disk.fail = failing({ operation: 'list', path: BROKEN, code: 'EACCES' })
  const { rig } = await openSet(trial.disk)

  const before = rig.ledger('broken')
  rig.offer('broken', 'refused')
  const after = rig.ledger('broken')

  assert.match(before.fault ?? '', /^Channel broken is set aside, .*EACCES/)
  assert.deepEqual([before.isUnopened, before.received], [true, 0])
  assert.deepEqual([after.received, after.dropped], [1, { StorageFailed: 1 }])
  assert.equal(rig.ledger('fine').fault, undefined)
  await rig.set.close()
})

test('a channel that can be opened again delivers what had waited and takes new messages, without a restart', async () => {
  const trial = await crashedWithTwo()
  trial.disk.fail = failing({ operation: 'open', path: '.log', code: 'EIO' })
  const { rig, reports, pass } = await openSet(trial.disk)
  rig.offer('broken', 'refused')
  await pass(LONGEST_PAUSE_MS)
  const whileItFails = rig.set.get('broken')

  trial.disk.fail = () => undefined
  await pass(LONGEST_PAUSE_MS)
  const taken = rig.offer('broken', 'taken')
  await rig.set.flush()
  const delivered = await rig.deliver('broken')
  const row = rig.ledger('broken')

  assert.equal(whileItFails, undefined)
  assert.ok(taken > 0)
  assert.equal(delivered.length, 11)
  assert.equal(delivered.at(-1), 'taken')
  assert.deepEqual([row.fault, row.received, row.dropped], [undefined, 12, { StorageFailed: 1 }])
  assert.equal(ledgerGap(row), 0)
  assert.deepEqual(rig.set.faults, [])
  assert.deepEqual(reports, ['broken failed', 'broken recovered'])
  await rig.set.close()
})

test('counts of earlier days that can be read again are no new losses', async () => {
  const trial = await crashedWithTwo()
  trial.release('broken')
  await trial.commit()
  trial.disk.fail = failing({ operation: 'list', path: BROKEN, code: 'EACCES' })
  const { rig, pass } = await openSet(trial.disk)
  const { set, clock } = rig
  const watch = new LossWatch({
    channels: set,
    clock,
    deadLettersLost: () => 0,
  })
  watch.start()

  trial.disk.fail = () => undefined
  await pass(5_000)
  const { dropped } = rig.ledger('broken')

  assert.ok((dropped['QueueFull'] ?? 0) > 0)
  assert.deepEqual(watch.recent().dropped, {})
  watch.stop()
  await set.close()
})

test('a channel whose messages can’t be read back at the start does not keep the others from starting', async () => {
  const trial = await crashedWithTwo()
  await trial.restart()
  await trial.store.close()
  const path = trial.disk.files.find((one) => one.startsWith(BROKEN) && one.endsWith('.log')) ?? ''
  const deduplication: ChannelRules = {
    deduplication: { windowMs: Number.MAX_SAFE_INTEGER, maxIds: 100 },
  }
  // The newest segment is read when the store is opened; later its sector turns bad.
  const clock = new ManualClock()
  const reports: string[] = []
  const rig = new ChannelSetRig({
    clock,
    rules: deduplication,
    openStore: () => {
      const store = diskStore({ files: trial.disk, clock: promptClock, slotBytes: SLOT_BYTES })
      const open = store.open.bind(store)
      store.open = async () => {
        const logs = await open()
        trial.disk.spoilPage(path, 4_096)
        return logs
      }
      return store
    },
    observer: {
      storageFailed: (channel) => void reports.push(`${channel} failed`),
      storageRecovered: (channel) => void reports.push(`${channel} recovered`),
    },
  })

  await rig.set.open()
  const fine = rig.offer('fine', 'taken')
  const refused = rig.offer('broken', 'refused')
  const { fault } = rig.ledger('broken')
  for (let sweep = 0; rig.set.get('broken') === undefined && sweep < 20; sweep++) {
    clock.advance(5_000)
    await settled()
  }
  const taken = rig.offer('broken', 'taken')

  assert.ok(fine > 0)
  assert.equal(refused, -1)
  assert.match(
    fault ?? '',
    /^Channel broken is set aside, because its stored messages cannot be read/,
  )
  assert.ok(taken > 0)
  assert.equal(ledgerGap(rig.ledger('broken')), 0)
  assert.deepEqual(reports, ['broken failed', 'broken recovered'])
  await rig.set.close()
})
