/** Missing and damaged slots, failed writes, and directories of versions without a journal. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommitError } from '../../../../../src/channels/log/channel-log.ts'
import { type CutTail, silentObserver } from '../../../../../src/observer.ts'
import {
  appendTexts,
  binaryDraft,
  readAll,
  textsOf,
} from '../../../../support/channels/log-drafts.ts'
import {
  JournalTrial,
  journalStore,
  SLOT_BYTES,
  slotFiles,
  withoutJournal,
} from '../../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../../support/disk/simulated-disk.ts'

interface Reports {
  readonly damage: string[]
  readonly cut: CutTail[]
}

function opened(disk: SimulatedDisk) {
  const reports: Reports = { damage: [], cut: [] }
  const observer = {
    ...silentObserver,
    damageFound: (channel: string, what: string) => void reports.damage.push(`${channel}: ${what}`),
    tailCut: (_channel: string, tail: CutTail) => void reports.cut.push(tail),
  }
  // Two commits of `written` fill a slot, behind its header and the logs' entries.
  const store = journalStore(disk, { slotBytes: SLOT_BYTES + 4096, observer })
  return { store, reports }
}

/** Two channels with `count` messages each; a commit has one of 4 kB and one of 100 bytes. */
async function written(count: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(1))
  const { store } = opened(disk)
  await store.open()
  const logs = [store.create('press_1'), store.create('press_2')] as const
  for (let index = 0; index < count; index++) {
    logs[0].append(binaryDraft(Buffer.alloc(4_000, index + 1)))
    logs[1].append(binaryDraft(Buffer.alloc(100, index + 1)))
    await store.commit()
  }
  return disk
}

function slotWith(disk: SimulatedDisk, fill: number): string {
  const path = slotFiles(disk).find((one) =>
    disk.contentOf(one).includes(Buffer.alloc(3_900, fill)),
  )
  assert.ok(path)
  return path
}

test('a missing slot costs only the messages in it, which are named', async () => {
  const disk = await written(3)
  disk.lose(slotWith(disk, 1))

  const { store, reports } = opened(disk)
  const logs = await store.open()
  const found = await Promise.all(logs.map((log) => readAll(log)))
  const damaged = logs.map((log) => [...log.damaged])
  appendTexts(logs[0]!, ['next'])
  await store.commit()

  assert.deepEqual(
    found.map((messages) => messages.map(({ offset, payload }) => [offset, payload[0]])),
    [[[2, 3]], [[2, 3]]],
  )
  assert.deepEqual(damaged, [[{ from: 0, to: 2 }], [{ from: 0, to: 2 }]])
  const [ofJournal, ...ofChannels] = [...reports.damage].sort()
  assert.match(ofJournal ?? '', /^__journal: .* of the journal is missing/)
  assert.deepEqual(ofChannels, [
    'press_1: missing: 2 stored messages.',
    'press_2: missing: 2 stored messages.',
  ])
  assert.equal((await readAll(logs[0]!)).at(-1)?.offset, 3)
})

test('a damaged frame in the journal costs its messages alone, and is reported and copied', async () => {
  const disk = await written(3)
  const path = slotWith(disk, 1)
  disk.damage(path, disk.contentOf(path).indexOf(Buffer.alloc(3_900, 1)), 0x80)

  const { store, reports } = opened(disk)
  const logs = await store.open()
  const found = await Promise.all(logs.map((log) => readAll(log)))

  const offsets = new Map(
    logs.map(({ channel }, index) => [channel, found[index]?.map(({ offset }) => offset)]),
  )
  assert.deepEqual(offsets.get('press_1'), [1, 2])
  assert.deepEqual(offsets.get('press_2'), [0, 1, 2])
  assert.ok(reports.damage.some((what) => /bytes of the journal do not match/.test(what)))
  assert.ok(disk.files.some((file) => /quarantine\/.*\.bytes$/.test(file)))
})

test('after a failed write and a crash before the next slot, all acknowledged messages are there', async () => {
  const disk = new SimulatedDisk(seededRandom(2))
  const { store } = opened(disk)
  await store.open()
  const log = store.create('press_1')
  appendTexts(log, ['a'])
  await store.commit()
  appendTexts(log, ['refused'])
  disk.fail = (operation) => (operation === 'write' ? 'EIO' : undefined)
  await assert.rejects(store.commit(), CommitError)

  const [found] = await opened(disk.afterPowerLoss()).store.open()

  const texts = found === undefined ? [] : textsOf(await readAll(found))
  assert.ok(['a', 'a,refused'].includes(texts.join()), texts.join())
})

test('after a failed write and the next commit, messages that failed never come back', async () => {
  for (let seed = 1; seed < 30; seed++) {
    const disk = new SimulatedDisk(seededRandom(seed))
    const { store } = opened(disk)
    await store.open()
    const log = store.create('press_1')
    appendTexts(log, ['a'])
    await store.commit()
    for (const text of ['refused once', 'refused twice']) {
      appendTexts(log, [text])
      disk.fail = (operation) => (operation === 'write' ? 'EIO' : undefined)
      await assert.rejects(store.commit(), CommitError)
      disk.fail = () => undefined
      if (seed % 2 === 0) await store.probe()
    }
    appendTexts(log, ['b'])
    await store.commit()

    const { store: next, reports } = opened(disk.afterPowerLoss())
    const [found] = await next.open()

    assert.deepEqual(found && textsOf(await readAll(found)), ['a', 'b'])
    assert.deepEqual(reports, { damage: [], cut: [] })
  }
})

test('after a failed write and a successful probe, a crash brings back no message that was refused', async () => {
  const disk = new SimulatedDisk(seededRandom(3))
  const { store } = opened(disk)
  await store.open()
  const log = store.create('press_1')
  appendTexts(log, ['a'])
  await store.commit()
  appendTexts(log, ['reported as refused'])
  disk.fail = (operation) => (operation === 'write' ? 'EIO' : undefined)
  await assert.rejects(store.commit(), CommitError)
  disk.fail = () => undefined

  await store.probe()
  const [found] = await opened(disk.afterPowerLoss()).store.open()

  assert.deepEqual(found && textsOf(await readAll(found)), ['a'])
})

test('the state of a channel that was read to its end survives a probe and a crash', async () => {
  const disk = new SimulatedDisk(seededRandom(4))
  const { store } = opened(disk)
  await store.open()
  const log = store.create('press_1')
  appendTexts(log, ['a', 'b'])
  await store.commit()
  const state = { version: 1 as const, cursors: {}, refused: { QueueFull: 1 }, end: 2 }
  log.noteState(state, 2)
  await store.commit()
  appendTexts(log, ['refused'])
  disk.fail = (operation) => (operation === 'write' ? 'EIO' : undefined)
  await assert.rejects(store.commit(), CommitError)
  disk.fail = () => undefined

  await store.probe()
  const [found] = await opened(disk.afterPowerLoss()).store.open()

  assert.equal(found?.end, 2)
  assert.deepEqual(await found?.loadState(), state)
})

test('the state of a channel that was read to its end survives a power cut during a slot change', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const trial = new JournalTrial(seed)
    const { disk } = trial
    let slotChanges = 0
    disk.fail = (operation, path) => {
      if (operation === 'open' && path.endsWith('.jnl') && ++slotChanges === 12) {
        disk.powerLostAt = disk.calls
      }
      return undefined
    }
    try {
      await trial.open()
      for (;;) {
        trial.append('press_1', 2)
        await trial.commit()
        trial.release('press_1')
        await trial.commit()
      }
    } catch {
      assert.equal(disk.hasPower, false)
    }

    await trial.crash()
  }
})

test('a directory of a version without a journal is taken into use as it is', async () => {
  const trial = new JournalTrial(5, { segmentBytes: 3_000 })
  await trial.open()
  for (let round = 0; round < 20; round++) {
    trial.append('press_1', 2)
    trial.append('press_2', 1)
    await trial.commit()
    trial.release('press_1', 5)
  }
  await trial.commit()
  await trial.store.close()
  withoutJournal(trial.disk)

  await trial.open()
  await trial.checkAfterCrash()
  trial.append('press_1', 3)
  trial.append('press_3', 1)
  await trial.commit()
  await trial.check()
  await trial.crash()
  await trial.restart()

  await trial.check()
})

test('after a clean stop, segments and state files alone hold everything that is needed', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const trial = new JournalTrial(seed)
    await trial.open()
    for (let round = 0; round < seed; round++) {
      trial.append('quick', 2)
      trial.append('late', 1, 3_000)
      if (round % 3 === 0) trial.append('stuck')
      await trial.commit()
      trial.release('quick')
      trial.release('late', 4)
    }
    await trial.commit()
    await trial.store.close()
    withoutJournal(trial.disk)

    await trial.open()

    await trial.checkAfterCrash()
    await trial.check()
  }
})

test('they do so after a crash, a start and a clean stop without a message in between', async () => {
  const trial = new JournalTrial(6)
  await trial.open()
  for (let round = 0; round < 5; round++) {
    trial.append('press_1', 2)
    await trial.commit()
  }
  await trial.crash()
  await trial.store.close()
  withoutJournal(trial.disk)

  await trial.open()

  await trial.checkAfterCrash()
})

test('a stop that may take no time leaves everything in the journal', async () => {
  const trial = new JournalTrial(7, { maxStopMs: -1 })
  await trial.open()
  for (let round = 0; round < 5; round++) {
    trial.append('press_1', 2)
    trial.append('press_2', 2)
    await trial.commit()
    trial.release('press_2')
  }
  await trial.commit()

  await trial.restart()

  await trial.checkAfterCrash()
})

test('a power cut at any call during a stop loses nothing', async () => {
  let isOver = false
  for (let call = 0; !isOver; call++) {
    const trial = new JournalTrial(8)
    await trial.open()
    for (let round = 0; round < 4; round++) {
      trial.append('press_1', 2)
      trial.append('press_2', 1)
      await trial.commit()
      trial.release('press_2')
    }
    await trial.commit()
    trial.disk.powerLostAt = trial.disk.calls + call

    await trial.store.close()
    isOver = trial.disk.hasPower
    await trial.crash()

    await trial.check()
  }
})

test('journal files that were copied from another directory are not read', async () => {
  const foreign = await written(3)
  const trial = new JournalTrial(9)
  await trial.open()
  for (let round = 0; round < 12; round++) {
    trial.append('press_1', 2)
    await trial.commit()
  }
  const path = slotFiles(foreign)[0] ?? ''
  trial.disk.replace('/data/journal/77.jnl', foreign.contentOf(path))

  await trial.crash()
  trial.append('press_1')
  await trial.commit()

  await trial.check()
})
