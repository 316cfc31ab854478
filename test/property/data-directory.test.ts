/**
 * Data directories with random contents and right checksums, opened, inspected, exported and
 * repaired. `DISK_FUZZ_RUNS=100000` takes longer, `DISK_FUZZ_SEED=…` makes other changes.
 */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { exportMessages } from '../../src/channels/disk/doctor/export-messages.ts'
import { inspectDirectory } from '../../src/channels/disk/doctor/inspect.ts'
import { repairDirectory } from '../../src/channels/disk/doctor/repair.ts'
import { systemClock } from '../../src/clock.ts'
import { silentObserver } from '../../src/observer.ts'
import type { SessionChange } from '../../src/sources/mqtt-server/sessions/store/session-change.ts'
import { SessionLog } from '../../src/sources/mqtt-server/sessions/store/session-log.ts'
import { ChannelSetRig } from '../support/channels/channel-set-rig.ts'
import { type Directory, mutated } from '../support/disk/directory-fuzzer.ts'
import { diskStore } from '../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'
import { deliveryOf, messageOf } from '../support/mqtt/session-changes.ts'

const RUNS = Number(process.env['DISK_FUZZ_RUNS'] ?? 10)
const SEED = Number(process.env['DISK_FUZZ_SEED'] ?? 1)
/** Nothing that is done with one directory takes as long, even on a busy machine. */
const MAX_RUN_MS = 5_000
const CHANNELS = ['press_1', 'press_2', 'press_3']
const MESSAGES = 60

function storeOn(files: SimulatedDisk) {
  return diskStore({ files, slotBytes: 20_480, segmentBytes: 4_000, historyBytes: 100_000 })
}

async function live(files: SimulatedDisk) {
  const rig = new ChannelSetRig({
    openStore: () => storeOn(files),
    deadLetters: { maxMessages: 100, maxBytes: 100_000 },
  })
  await rig.set.open()
  const log = await rig.set.sourceLog('__sessions', 64 * 1024)
  const { clock } = rig
  const options = { log, oldDirectory: '/nowhere', clock, observer: silentObserver }
  const sessions = new SessionLog(options)
  await sessions.open()
  return { rig, sessions }
}

function changesOf(index: number): SessionChange[] {
  const clientId = `client ${index % 5}`
  const options = { qos: 1, noLocal: false, retainAsPublished: false, identifier: 7 } as const
  return [
    { kind: 'begun', clientId, lastPacketId: 0 },
    { kind: 'connected', clientId, expiryIntervalS: 60, will: messageOf('w', 'will') },
    { kind: 'subscribed', clientId, filter: 'a/#', options },
    { kind: 'queued', clientId, delivery: deliveryOf(index, messageOf('t', `${index}`)) },
    { kind: 'retained', message: messageOf(`r/${index % 7}`, `${index}`) },
  ]
}

/** A directory with work in every kind of file: after a crash, or stopped cleanly. */
async function written(isStopped: boolean): Promise<Directory> {
  const disk = new SimulatedDisk(seededRandom(7))
  const { rig, sessions } = await live(disk)
  for (let index = 0; index < MESSAGES; index++) {
    for (const channel of CHANNELS) rig.offer(channel, `${channel} ${index}`, 'x'.repeat(300))
    for (const change of changesOf(index)) sessions.note(change)
    if (index % 5 === 0) {
      rig.set.deadLetters?.keep({
        channel: 'press_1',
        destination: 'primary',
        refusal: { error: 'InvalidMessage', message: 'no' },
        topic: 't',
        receivedAt: 1,
        senderId: 'id',
        messageId: 'id',
        payload: Buffer.from(`${index}`),
      })
      await rig.deliver('press_1', 3)
    }
    await rig.set.flush()
  }
  if (isStopped) {
    await sessions.close()
    await rig.set.close()
  }
  return new Map(disk.files.map((path) => [path, Buffer.from(disk.contentOf(path))]))
}

async function diskWith(files: Directory): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(3))
  for (const [path, bytes] of files) {
    await disk.makeDirectory(dirname(path))
    disk.replace(path, bytes)
  }
  return disk
}

async function exportedIds(disk: SimulatedDisk, channel: string): Promise<(string | undefined)[]> {
  const ids: (string | undefined)[] = []
  for await (const message of exportMessages('/data', { channel }, disk)) ids.push(message.senderId)
  return ids
}

/** Everything that reads a directory, without a failure. Returns the ids of each channel. */
async function useAll(disk: SimulatedDisk): Promise<Map<string, (string | undefined)[]>> {
  const ids = new Map<string, (string | undefined)[]>()
  await inspectDirectory('/data', disk)
  for (const channel of CHANNELS) ids.set(channel, await exportedIds(disk, channel))
  const second = await diskWith(new Map(disk.files.map((path) => [path, disk.contentOf(path)])))
  await repairDirectory({ directory: '/data', clock: systemClock, files: second })
  await inspectDirectory('/data', second)
  await workOn(second)
  await workOn(disk)
  return ids
}

/** Opens the directory, reads all, and stores something more. */
async function workOn(disk: SimulatedDisk): Promise<void> {
  const { rig, sessions } = await live(disk)
  for (const channel of CHANNELS) {
    if (rig.set.get(channel) === undefined) continue
    for (let batch = 0; batch < 5; batch++) await rig.deliver(channel, 50)
  }
  await rig.set.deadLetters?.read(0, 1_000)
  for (const channel of CHANNELS) {
    assert.ok(rig.offer(channel, 'new', 'x') >= 0, rig.lastRefusal.message)
  }
  for (const change of changesOf(3)) sessions.note(change)
  await rig.set.flush()
  rig.set.ledger()
  assert.deepEqual(
    rig.cycles.filter((cycle) => cycle.startsWith('failed')),
    [],
  )
  await sessions.close()
  await rig.set.close()
}

test('whatever is in the files of a directory, it opens, takes messages, and can be inspected, exported and repaired', {
  timeout: 60_000 + RUNS * MAX_RUN_MS,
}, async (t) => {
  const directories = [await written(true), await written(false)]
  let slowestMs = 0
  for (let run = 0; run < RUNS; run++) {
    const random = seededRandom(SEED * 1_000_003 + run)
    const { files } = mutated(directories[run % 2] ?? new Map(), random, () => true)
    const startMs = performance.now()
    try {
      await useAll(await diskWith(files))
    } catch (error) {
      throw new Error(`run ${run} of DISK_FUZZ_SEED=${SEED}`, { cause: error })
    }
    slowestMs = Math.max(slowestMs, performance.now() - startMs)
    assert.ok(slowestMs < MAX_RUN_MS, `run ${run} took ${slowestMs} ms`)
  }
  t.diagnostic(`${RUNS} directories, the slowest took ${slowestMs.toFixed(0)} ms`)
})

test('whatever is in one channel’s files, the messages of the others stay as they are', async () => {
  const directory = await written(true)
  const expected = await useAll(await diskWith(directory))
  assert.equal(expected.get('press_2')?.length, MESSAGES)

  for (let run = 0; run < RUNS / 4; run++) {
    const random = seededRandom(SEED * 2_000_003 + run)
    const isOfChannel = (path: string) => path.includes('/press_1/')
    const found = await useAll(await diskWith(mutated(directory, random, isOfChannel).files))

    for (const channel of ['press_2', 'press_3']) {
      assert.deepEqual(found.get(channel), expected.get(channel), `${channel} in run ${run}`)
    }
  }
})
