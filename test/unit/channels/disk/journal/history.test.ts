/**
 * Delivered messages that are kept for replay: in slots and segments, over restarts and crashes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelLog } from '../../../../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../../../../src/channels/log/memory-budget.ts'
import { draftOf, readAll } from '../../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE } from '../../../../support/disk/disk-stores.ts'
import {
  journalStore,
  promptClock,
  SLOT_BYTES,
  slotFiles,
} from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

const STARTED_AT = 1_700_000_000_000

function storeOn(disk: SimulatedDisk, historyBytes: number) {
  return journalStore(disk, { segmentBytes: 8_000, historyBytes })
}

type Store = ReturnType<typeof storeOn>

/** Appends and commits messages a second apart, and releases all but the newest `keep`. */
async function pass(store: Store, log: ChannelLog, count: number, keep = 0): Promise<void> {
  for (let index = 0; index < count; index++) {
    const receivedAt = STARTED_AT + log.end * 1_000
    log.append(draftOf(`${log.channel} ${log.end} `.padEnd(1_500, 'x'), { receivedAt }))
    await store.commit()
    const released = Math.max(0, log.committed - keep)
    log.noteState({ version: 1, cursors: {}, refused: {}, end: log.committed }, released)
    await store.commit()
  }
}

/** The oldest offset that can be read. All messages from there on must be unaltered. */
async function oldestReadable(log: ChannelLog): Promise<number> {
  const messages = await readAll(log)
  const first = messages[0]?.offset ?? log.committed
  assert.deepEqual(
    messages.map(({ offset, payload }) => [offset, payload.toString().trimEnd().split(' x')[0]]),
    Array.from({ length: log.committed - first }, (_, index) => [
      first + index,
      `${log.channel} ${first + index}`,
    ]),
  )
  assert.deepEqual([...log.damaged], [])
  return first
}

function named(logs: readonly ChannelLog[], channel: string): ChannelLog {
  const log = logs.find((one) => one.channel === channel)
  assert.ok(log)
  return log
}

test('delivered messages can be read again after many slot changes, and after a crash and a restart', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  let store = storeOn(disk, 4 * MEBIBYTE)
  await store.open()
  const log = store.create('press_1')
  await pass(store, log, 60)
  const before = await oldestReadable(log)

  const afterCrash = disk.afterPowerLoss()
  store = storeOn(afterCrash, 4 * MEBIBYTE)
  const crashed = named(await store.open(), 'press_1')
  const inCrashed = await oldestReadable(crashed)
  await pass(store, crashed, 5)
  await store.close()
  store = storeOn(afterCrash, 4 * MEBIBYTE)
  const restarted = named(await store.open(), 'press_1')
  const inRestarted = await oldestReadable(restarted)
  await store.close()

  assert.deepEqual([before, inCrashed, inRestarted], [0, 0, 0])
  assert.equal(restarted.committed, 65)
})

test('history is complete in segments and slots while a reader lags behind', async () => {
  const disk = new SimulatedDisk(seededRandom(2))
  let store = storeOn(disk, 4 * MEBIBYTE)
  await store.open()
  const log = store.create('press_1')
  const other = store.create('press_2')
  for (const one of [log, other]) one.append(draftOf(`${one.channel} 0 `.padEnd(1_500, 'x')))
  await store.commit()
  for (let round = 0; round < 30; round++) {
    await pass(store, log, 2, 25)
    await pass(store, other, 1)
  }
  const before = [await oldestReadable(log), await oldestReadable(other)]

  store = storeOn(disk.afterPowerLoss(), 4 * MEBIBYTE)
  const logs = await store.open()
  const after = [
    await oldestReadable(named(logs, 'press_1')),
    await oldestReadable(named(logs, 'press_2')),
  ]

  assert.deepEqual(before, [0, 0])
  assert.deepEqual(after, [0, 0])
})

test('history keeps to historyBytes, and the oldest messages are removed first', async () => {
  const disk = new SimulatedDisk(seededRandom(3))
  const historyBytes = 6 * SLOT_BYTES
  const store = storeOn(disk, historyBytes)
  await store.open()
  const log = store.create('press_1')

  const starts: number[] = []
  for (let round = 0; round < 20; round++) {
    await pass(store, log, 5)
    assert.ok((store.historyBytes ?? 0) <= historyBytes)
    starts.push(await oldestReadable(log))
  }

  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => a - b),
  )
  assert.ok(log.committed - log.start >= 6, `begins at ${log.start} of ${log.committed}`)
  assert.ok(log.start > 20, `begins at ${log.start}`)
  assert.ok(slotFiles(disk).length <= 12, `${slotFiles(disk)}`)
})

test('when room is needed, history is removed, oldest first, until there is none', async () => {
  const disk = new SimulatedDisk(seededRandom(4))
  const store = diskStore({
    clock: promptClock,
    files: disk,
    slotBytes: SLOT_BYTES,
    maxBytes: 400_000,
    historyBytes: 400_000,
    budget: new MemoryBudget(0),
  })
  await store.open()
  const log = store.create('press_1')
  await pass(store, log, 40)
  const before = await oldestReadable(log)

  const isThere = store.makeRoom(400_000 - store.bytes + 50_000)
  const afterwards = await oldestReadable(log)
  const isTooMuch = store.makeRoom(400_000)
  const nothing = await oldestReadable(log)

  assert.deepEqual([isThere, isTooMuch], [true, false])
  assert.ok(before < afterwards && afterwards < nothing, `${before}, ${afterwards}, ${nothing}`)
  await pass(store, log, 20)
  await oldestReadable(log)
})

test('an offset is found by time in history, in slots and segments, also after a crash', async () => {
  const disk = new SimulatedDisk(seededRandom(5))
  let store = storeOn(disk, 4 * MEBIBYTE)
  await store.open()
  const log = store.create('press_1')
  await pass(store, log, 40, 25)

  const offsets = [0, 3, 17, 30, 39, 40]
  const live = []
  for (const offset of offsets) live.push(await log.offsetAt(STARTED_AT + offset * 1_000))
  store = storeOn(disk.afterPowerLoss(), 4 * MEBIBYTE)
  const found = named(await store.open(), 'press_1')
  const opened = []
  for (const offset of offsets) opened.push(await found.offsetAt(STARTED_AT + offset * 1_000))

  assert.deepEqual(live, offsets)
  assert.deepEqual(opened, offsets)
})

test('history of other channels is kept while one channel is stuck', async () => {
  const disk = new SimulatedDisk(seededRandom(7))
  let store = storeOn(disk, 10 * SLOT_BYTES)
  await store.open()
  const stuck = store.create('stuck')
  const log = store.create('press_1')
  stuck.append(draftOf('stuck 0 '.padEnd(1_500, 'x')))
  await pass(store, log, 60)
  const whileOpen = await oldestReadable(log)
  await oldestReadable(stuck)

  store = storeOn(disk.afterPowerLoss(), 10 * SLOT_BYTES)
  const logs = await store.open()
  const afterwards = await oldestReadable(named(logs, 'press_1'))

  assert.ok(whileOpen < 45, `begins at ${whileOpen}`)
  assert.ok(afterwards < 45, `begins at ${afterwards}`)
  assert.equal(await oldestReadable(named(logs, 'stuck')), 0)
})
