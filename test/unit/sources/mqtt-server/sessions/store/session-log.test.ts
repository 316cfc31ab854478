/** The session log: failed cycles, rewriting, bounds, damage, power failures, old session files. */

import assert from 'node:assert/strict'
import { access, mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as probed } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import type { LogStore } from '../../../../../../src/channels/log/channel-log.ts'
import type { MemoryBudget } from '../../../../../../src/channels/log/memory-budget.ts'
import { silentObserver } from '../../../../../../src/observer.ts'
import { PacketWriter } from '../../../../../../src/sources/mqtt-server/packets/packet-writer.ts'
import type { SessionChange } from '../../../../../../src/sources/mqtt-server/sessions/store/session-change.ts'
import { SessionChangeWriter } from '../../../../../../src/sources/mqtt-server/sessions/store/session-change-format.ts'
import { SessionLog } from '../../../../../../src/sources/mqtt-server/sessions/store/session-log.ts'
import { SessionStates } from '../../../../../../src/sources/mqtt-server/sessions/store/session-states.ts'
import { testSessionStore } from '../../../../../contract/session-store.contract.ts'
import { ChannelSetRig } from '../../../../../support/channels/channel-set-rig.ts'
import { diskStore, temporaryDirectory } from '../../../../../support/disk/disk-stores.ts'
import { FakeDisk } from '../../../../../support/disk/fake-log-store.ts'
import { SimulatedDisk, seededRandom } from '../../../../../support/disk/simulated-disk.ts'
import type { ManualClock } from '../../../../../support/manual-clock.ts'
import { MemorySessionStore } from '../../../../../support/mqtt/memory-session-store.ts'
import {
  anyChange,
  deliveryOf,
  keptIn,
  messageOf,
} from '../../../../../support/mqtt/session-changes.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 60)
const LOG = '__sessions'
const KIBIBYTE = 1024
const clientId = 'sleeper'
const BEGUN: SessionChange = { kind: 'begun', clientId, lastPacketId: 0 }

interface Medium {
  readonly disk?: FakeDisk
  readonly openStore?: (budget: MemoryBudget, clock: ManualClock) => LogStore
  readonly reservedBytes?: number
  readonly oldDirectory?: string
}

/** Channels and a session log that is not open yet. */
async function live(medium: Medium) {
  const { reservedBytes = 1024 * KIBIBYTE, oldDirectory = '/nowhere', ...rest } = medium
  const reports: string[] = []
  const observer = {
    ...silentObserver,
    storageFailed: (name: string, error: Error) => reports.push(`${name} failed: ${error.message}`),
    storageRecovered: () => reports.push('recovered'),
    damageFound: (name: string, what: string) => reports.push(`${name} damaged: ${what}`),
  }
  const rig = new ChannelSetRig({ ...rest, observer })
  await rig.set.open()
  const log = await rig.set.sourceLog(LOG, reservedBytes)
  const sessions = new SessionLog({ log, oldDirectory, clock: rig.clock, observer })
  return { sessions, rig, reports, log, flush: () => rig.set.commits.flush() }
}

/** What is found after a crash of the process. */
async function foundAfterCrash(medium: Medium & { readonly disk: FakeDisk }) {
  medium.disk.crash()
  const { sessions, reports } = await live(medium)
  return { ...keptIn(await sessions.open()), reports }
}

function queued(sequence: number, payload = `${sequence}`): SessionChange {
  return { kind: 'queued', clientId, delivery: deliveryOf(sequence, messageOf('t', payload)) }
}

testSessionStore({
  name: 'the memory store',
  make: async () => new MemorySessionStore(),
  again: async (_t, store) => store,
})

const DISKS = new WeakMap<object, FakeDisk>()

testSessionStore({
  name: 'the log',
  async make() {
    const disk = new FakeDisk()
    const { sessions } = await live({ disk })
    DISKS.set(sessions, disk)
    return sessions
  },
  async again(_t, store) {
    const disk = DISKS.get(store)
    assert.ok(disk !== undefined)
    return (await live({ disk })).sessions
  },
})

test('with nothing to keep, nothing is written and no room is reserved', async () => {
  const disk = new FakeDisk()
  const { sessions, rig } = await live({ disk })

  await sessions.open()
  const cycle = sessions.note({ kind: 'unretained', topic: 'never/was' })
  await sessions.close()

  assert.equal(cycle, -1)
  assert.equal(disk.commits, 0)
  assert.equal(rig.store.bytes, 0)
})

test('a change and a message of one turn are in one cycle, and durable together or not at all', async () => {
  const disk = new FakeDisk()
  const { sessions, rig, flush } = await live({ disk })
  await sessions.open()
  sessions.note(BEGUN)
  await flush()

  const cycles = [rig.offer('c', 'one'), sessions.note({ kind: 'received', clientId, packetId: 1 })]
  disk.holdsCommits = true
  void flush()
  const next = rig.offer('c', 'two')
  const found = await foundAfterCrash({ disk })

  assert.equal(cycles[0], cycles[1])
  assert.equal(next, (cycles[0] ?? 0) + 1)
  assert.deepEqual(found.sessions[clientId]?.receivedIds, [])
  assert.equal(disk.media.get('c')?.stored.length ?? 0, 0)
})

test('after a failed cycle nothing waits, and when the disk is back the whole state is written', async () => {
  const disk = new FakeDisk()
  const { sessions, rig, flush, reports } = await live({ disk })
  await sessions.open()
  sessions.note(BEGUN)
  await flush()
  disk.failure = 'EIO'
  sessions.note(queued(0))
  await flush()

  const whileFailing = sessions.note(queued(1))
  disk.failure = undefined
  rig.clock.advance(200)
  await probed()
  rig.clock.advance(5_000)
  await flush()
  const found = await foundAfterCrash({ disk })

  assert.equal(whileFailing, -1)
  assert.deepEqual(found.sessions[clientId]?.waiting, ['0 t=0', '1 t=1'])
  assert.match(reports[0] ?? '', /^__journal failed: /)
})

test('the store fails from the first failed cycle until the whole state is stored again', async () => {
  const disk = new FakeDisk()
  const { sessions, rig, flush } = await live({ disk })
  await sessions.open()
  sessions.note(BEGUN)
  await flush()
  const before = sessions.isFailing
  disk.failure = 'EIO'
  sessions.note(queued(0))
  await flush()
  const whileItFails = sessions.isFailing

  disk.failure = undefined
  rig.clock.advance(200)
  await probed()
  const untilStored = sessions.isFailing
  rig.clock.advance(5_000)
  await flush()

  assert.deepEqual([before, whileItFails, untilStored], [false, true, true])
  assert.equal(sessions.isFailing, false)
})

test('the log is rewritten when it has grown, and holds little more than the state', async () => {
  const disk = new FakeDisk()
  const { sessions, flush, log } = await live({ disk })
  await sessions.open()
  sessions.note(BEGUN)
  sessions.note({ kind: 'retained', message: messageOf('kept', 'x'.repeat(1_000)) })
  let largest = 0
  for (let sequence = 0; sequence < 1_000; sequence++) {
    const packetId = 1 + sequence
    sessions.note(queued(sequence, 'y'.repeat(100)))
    sessions.note({ kind: 'sent', clientId, sequence, packetId })
    sessions.note({ kind: 'settled', clientId, packetId })
    if (sequence % 50 === 0) await flush()
    largest = Math.max(largest, log.bytes)
  }
  sessions.note(queued(1_000, 'last'))
  await flush()
  const found = await foundAfterCrash({ disk })

  assert.ok(largest < 100 * KIBIBYTE, `${largest} bytes`)
  assert.deepEqual(found.sessions[clientId]?.waiting, ['1000 t=last'])
  assert.deepEqual(Object.keys(found.retained), ['kept'])
  assert.deepEqual(found.reports, [])
})

test('a state of many sessions is written in steps, while they go on to change', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const medium = (files: SimulatedDisk) => ({
    openStore: (budget: MemoryBudget) => diskStore({ files, budget }),
  })
  const { sessions, rig, flush, log } = await live(medium(disk))
  const kept = await sessions.open()
  const name = (index: number) => `client ${index % 200}`
  const payload = 'x'.repeat(1_000)
  for (let index = 0; index < 200; index++) {
    sessions.note({ kind: 'begun', clientId: name(index), lastPacketId: 0 })
    const delivery = deliveryOf(0, messageOf('t', payload))
    sessions.note({ kind: 'queued', clientId: name(index), delivery })
  }
  await flush()
  const stateBytes = log.bytes
  let before = 0
  let cycles = 0
  for (let index = 0; log.bytes >= before; index++) {
    before = log.bytes
    cycles = rig.cycles.length
    for (let packetId = 1; packetId <= 20; packetId++) {
      sessions.note({ kind: 'received', clientId: name(index), packetId })
      sessions.note({ kind: 'forgotten', clientId: name(index), packetId })
    }
    await flush()
  }
  await flush()
  const state = keptIn(kept)
  const second = await live(medium(disk.afterPowerLoss()))

  assert.deepEqual(keptIn(await second.sessions.open()), state)
  assert.deepEqual(second.reports, [])
  assert.ok(rig.cycles.length - cycles > 3, 'a step for each 64 KB')
  assert.ok(log.bytes < 1.5 * stateBytes, `${log.bytes} bytes in the end`)
})

test('channels that fill the store leave sessions the room they may need', async () => {
  const disk = new FakeDisk({ maxBytes: 200 * KIBIBYTE })
  const medium = { disk, reservedBytes: 64 * KIBIBYTE }
  const { sessions, rig, flush, reports } = await live(medium)
  await sessions.open()
  sessions.note(BEGUN)
  while (rig.offer('c', 'x', 'x'.repeat(1_000)) > 0) await flush()

  for (let sequence = 0; sequence < 30; sequence++) sessions.note(queued(sequence, 'y'.repeat(100)))
  await flush()
  const held = rig.store.bytes
  const found = await foundAfterCrash(medium)

  assert.equal(found.sessions[clientId]?.waiting.length, 30)
  assert.ok(held <= 200 * KIBIBYTE, `${held} bytes`)
  assert.deepEqual(reports, [])
})

test('state beyond the room for sessions stays in memory only, which is reported once', async () => {
  const disk = new FakeDisk()
  const medium = { disk, reservedBytes: 256 * KIBIBYTE }
  const { sessions, flush, reports } = await live(medium)
  await sessions.open()
  sessions.note(BEGUN)
  for (let sequence = 0; sequence < 200; sequence++) {
    sessions.note(queued(sequence, 'x'.repeat(1_000)))
    await flush()
  }
  const found = await foundAfterCrash(medium)

  const waiting = found.sessions[clientId]?.waiting.length ?? 0
  assert.ok(waiting > 20 && waiting < 50, `${waiting} of 200 kept`)
  assert.equal(reports.length, 1)
  assert.match(
    reports[0] ?? '',
    /^sessions failed: no room for sessions .* of 98304 bytes are in use, and one client, one user or/,
  )
})

test('damage costs only the damaged records; it is reported, and earlier QoS 2 ids are forgotten', async () => {
  const disk = new FakeDisk()
  const { sessions, flush } = await live({ disk })
  await sessions.open()
  sessions.note(BEGUN)
  sessions.note({ kind: 'received', clientId, packetId: 5 })
  for (let sequence = 0; sequence < 3; sequence++) sessions.note(queued(sequence))
  await flush()
  disk.damage(LOG, 3, 4)

  const found = await foundAfterCrash({ disk })

  assert.deepEqual(found.sessions[clientId]?.waiting, ['0 t=0', '2 t=2'])
  assert.deepEqual(found.sessions[clientId]?.receivedIds, [])
  assert.match(found.reports.join(), /^sessions damaged: the session log is damaged/)
})

test('a retained message larger than a slot of the journal is kept', async () => {
  const files = new SimulatedDisk(seededRandom(1))
  const openStore = (budget: MemoryBudget) => diskStore({ files, budget, slotBytes: 64 * KIBIBYTE })
  const first = await live({ openStore })
  await first.sessions.open()

  first.sessions.note({ kind: 'retained', message: messageOf('large', 'x'.repeat(200_000)) })
  await first.flush()
  await first.rig.set.close()
  const second = await live({ openStore })
  const kept = keptIn(await second.sessions.open())

  assert.equal(kept.retained['large']?.payload.length, 200_000)
})

/** The file of an earlier version, with these changes in a frame each, and bytes behind them. */
async function oldFile(t: TestContext, changes: readonly SessionChange[], behind = '') {
  const directory = join(await temporaryDirectory(t), 'sessions')
  const writer = new SessionChangeWriter()
  const frames = changes.map((change) => {
    const body = writer.encode(change)
    const header = Buffer.alloc(12)
    header.write('SJ01')
    header.writeUInt32BE(body.length, 4)
    header.writeUInt32BE(crc32(body), 8)
    return Buffer.concat([header, body])
  })
  await mkdir(directory)
  await writeFile(join(directory, 'journal'), Buffer.concat([...frames, Buffer.from(behind)]))
  return { directory, frames }
}

test('the file of an earlier version is taken over, and removed once its content is durable', async (t) => {
  const changes = [BEGUN, queued(0), { kind: 'received', clientId, packetId: 3 } as const]
  const { directory } = await oldFile(t, changes, 'SJ01\0\0\0\x40cut short')
  const disk = new FakeDisk()
  const { sessions, reports } = await live({ disk, oldDirectory: directory })

  const kept = keptIn(await sessions.open())
  const found = await foundAfterCrash({ disk, oldDirectory: directory })

  await assert.rejects(access(directory), { code: 'ENOENT' })
  assert.deepEqual(kept.sessions[clientId]?.waiting, ['0 t=0'])
  assert.deepEqual(kept.sessions[clientId]?.receivedIds, [3])
  assert.deepEqual(found.sessions, kept.sessions)
  assert.deepEqual(reports, [])
})

test('records of an earlier version, which name sessions by client id alone, belong to the user that connected', async () => {
  const disk = new FakeDisk()
  const { sessions, log, flush } = await live({ disk })
  await sessions.open()
  const old = (kind: number) => new PacketWriter().byte(kind).text(clientId)
  const begun = () => old(2).uint16(0).bytes()
  const connected = (userName?: string) => {
    const fields = old(3).uint32(60)
    return (userName === undefined ? fields.byte(0) : fields.byte(2).text(userName)).bytes()
  }
  const received = (packetId: number) =>
    old(12 + 1)
      .uint16(packetId)
      .bytes()
  const ofAnn = [begun(), connected('ann'), received(1), begun(), connected('ann'), received(2)]
  for (const record of ofAnn) log.append(record)
  await flush()
  const afterAnn = await foundAfterCrash({ disk })
  const second = await live({ disk })
  await second.sessions.open()
  second.sessions.note({ kind: 'received', clientId, userName: 'ann', packetId: 3 })
  for (const record of [old(6).bytes(), begun(), connected()]) second.log.append(record)
  for (const record of [received(4), begun(), received(5)]) second.log.append(record)
  await second.flush()

  const found = await foundAfterCrash({ disk })

  const ids = ({ sessions: kept }: typeof found) =>
    Object.entries(kept).map(([name, session]) => [name, session.userName, session.receivedIds])
  assert.deepEqual(ids(afterAnn), [['ann/sleeper', 'ann', [2]]])
  // It is not known whose session began last.
  assert.deepEqual(ids(found), [['sleeper', undefined, [4]]])
  assert.deepEqual(found.reports, [])
})

test('a file of an earlier version stays and is used until its content is durable', async (t) => {
  const { directory } = await oldFile(t, [BEGUN, queued(0)])
  const disk = new FakeDisk()
  disk.failure = 'ENOSPC'
  const medium = { disk, oldDirectory: directory }
  const { sessions } = await live(medium)

  const kept = keptIn(await sessions.open())
  const isThere = await readdir(directory)
  disk.failure = undefined
  const found = await foundAfterCrash(medium)

  assert.deepEqual(kept.sessions[clientId]?.waiting, ['0 t=0'])
  assert.deepEqual(isThere, ['journal'])
  assert.deepEqual(found.sessions[clientId]?.waiting, ['0 t=0'])
  await assert.rejects(access(directory), { code: 'ENOENT' })
})

test('nothing behind a damaged frame in a file of an earlier version is read, and the file is kept', async (t) => {
  const received = { kind: 'received', clientId, packetId: 3 } as const
  const { directory, frames } = await oldFile(t, [BEGUN, received, queued(0), queued(1), queued(2)])
  const path = join(directory, 'journal')
  const bytes = await readFile(path)
  const fourth = frames.slice(0, 3).reduce((sum, frame) => sum + frame.length, 0)
  bytes[fourth + 20] = (bytes[fourth + 20] ?? 0) ^ 1
  await writeFile(path, bytes)
  const disk = new FakeDisk()
  const { sessions, reports } = await live({ disk, oldDirectory: directory })

  const kept = keptIn(await sessions.open())
  const found = await foundAfterCrash({ disk, oldDirectory: directory })

  assert.deepEqual(kept.sessions[clientId]?.waiting, ['0 t=0'])
  assert.deepEqual(kept.sessions[clientId]?.receivedIds, [])
  assert.deepEqual(found.sessions, kept.sessions)
  assert.match(reports.join(), new RegExp(`^sessions damaged: .* damaged at byte ${fourth}: `))
  assert.deepEqual(await readdir(directory), ['journal.unreadable'])
  assert.deepEqual(await readFile(join(directory, 'journal.unreadable')), bytes)
})

test('frames in a payload of a file of an earlier version are never read, wherever power failed', async (t) => {
  const forged = await oldFile(t, [
    { kind: 'begun', clientId: 'forged', lastPacketId: 0 },
    { kind: 'retained', message: messageOf('commands/pump', 'forged') },
  ])
  const payload = Buffer.concat(forged.frames).toString('latin1')
  const message = { ...messageOf('t', ''), payload: Buffer.from(payload, 'latin1') }
  const carrier: SessionChange = { kind: 'queued', clientId, delivery: deliveryOf(0, message) }
  const { directory } = await oldFile(t, [BEGUN, carrier])
  const bytes = await readFile(join(directory, 'journal'))
  const first = 12 + bytes.readUInt32BE(4)
  const at = bytes.indexOf(forged.frames[0]!)

  const read = async (torn: Buffer) => {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'journal'), torn)
    const { sessions } = await live({ disk: new FakeDisk(), oldDirectory: directory })
    return keptIn(await sessions.open())
  }

  assert.ok(at > first)
  for (let cut = first; cut < bytes.length; cut += 7) {
    const short = await read(bytes.subarray(0, cut))
    const holes = await read(Buffer.from(bytes).fill(0, first, Math.min(cut, at)))
    for (const { sessions, retained } of [short, holes]) {
      assert.deepEqual([Object.keys(sessions), Object.keys(retained)], [[clientId], []])
    }
  }
})

test('whatever the bytes of a file of an earlier version are, sessions are opened', async (t) => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) })
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyChange, { maxLength: 12 }),
      fc.array(mutation, { maxLength: 3 }),
      async (changes, mutations) => {
        const { directory, frames } = await oldFile(t, changes)
        for (const { at, byte } of mutations) {
          const frame = frames[at % Math.max(1, frames.length)] ?? Buffer.alloc(13)
          frame[12 + (at % (frame.length - 12))] = byte
          frame.writeUInt32BE(crc32(frame.subarray(12)), 8)
        }
        await writeFile(join(directory, 'journal'), Buffer.concat(frames))
        const disk = new FakeDisk()
        const { sessions } = await live({ disk, oldDirectory: directory })

        const kept = keptIn(await sessions.open())

        const again = await foundAfterCrash({ disk, oldDirectory: directory })
        assert.deepEqual(again.sessions, kept.sessions)
      },
    ),
    { numRuns: Math.min(RUNS, 1_000) },
  )
})

test('eight megabytes of frame beginnings in a file of an earlier version are opened at once', async (t) => {
  const { directory } = await oldFile(t, [BEGUN], 'SJ01'.repeat(2 * 1024 * 1024))
  const { sessions } = await live({ disk: new FakeDisk(), oldDirectory: directory })
  const startMs = performance.now()

  const kept = keptIn(await sessions.open())

  assert.deepEqual(Object.keys(kept.sessions), [clientId])
  assert.ok(performance.now() - startMs < 1_000)
})

test('a link in the place of the directory of an earlier version is not followed', async (t) => {
  const { directory } = await oldFile(t, [BEGUN])
  const link = join(await temporaryDirectory(t), 'sessions')
  await symlink(directory, link)
  const { sessions } = await live({ disk: new FakeDisk(), oldDirectory: link })

  const kept = keptIn(await sessions.open())

  assert.deepEqual(kept.sessions, {})
  assert.deepEqual(await readdir(directory), ['journal'])
})

test('a file of an earlier version that is too large is renamed unread', async (t) => {
  const { directory } = await oldFile(t, [BEGUN])
  await truncate(join(directory, 'journal'), 1_900_000_000)
  const { sessions, reports } = await live({ disk: new FakeDisk(), oldDirectory: directory })

  await sessions.open()

  assert.deepEqual(await readdir(directory), ['journal.unreadable'])
  assert.match(reports.join(), /expected at most 134217728 bytes, found 1900000000/)
})

test('a file of an earlier version that can’t be read is renamed, which is reported', async (t) => {
  const directory = join(await temporaryDirectory(t), 'sessions')
  // Reading a directory fails with an error, as on a broken disk.
  await mkdir(join(directory, 'journal', 'inside'), { recursive: true })
  const { sessions, reports } = await live({ disk: new FakeDisk(), oldDirectory: directory })

  await sessions.open()

  assert.deepEqual(await readdir(directory), ['journal.unreadable'])
  assert.match(
    reports[0] ?? '',
    /^sessions damaged: sessions\/journal can't be read \(expected a regular/,
  )
})

type Step = SessionChange | 'flush' | 'stop' | 'cut'
const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: anyChange as fc.Arbitrary<Step> },
    { weight: 3, arbitrary: fc.constantFrom<Step>('flush', 'cut', 'stop') },
  ),
  { maxLength: 120 },
)
/** Small, so that the log is rewritten again and again. */
const RESERVED = 3 * KIBIBYTE

test('after any power failure, sessions are as of the last stored message', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (script, seed) => {
      let disk = new SimulatedDisk(seededRandom(seed))
      const begin = () =>
        live({
          openStore: (budget, clock) =>
            diskStore({ files: disk, budget, clock, slotBytes: 64 * KIBIBYTE }),
          reservedBytes: RESERVED,
        })
      let life = await begin()
      await life.sessions.open()
      /** The state after each number of changes, each with a message of its turn. */
      let states = [keptIn(new SessionStates())]
      let model = new SessionStates(RESERVED * (3 / 8))
      model.divide()
      let durable = 0
      const restart = async () => {
        life = await begin()
        const kept = await life.sessions.open()
        const found = keptIn(kept)
        const count = life.rig.set.get('c')?.log.committed ?? 0
        assert.ok(count >= durable, `${count} messages, ${durable} were durable`)
        assert.deepEqual(found, states[count])
        model = new SessionStates(RESERVED * (3 / 8))
        for (const change of kept.changes()) model.apply(change)
        model.divide()
        states = states.slice(0, count + 1)
        durable = count
      }
      for (const step of script) {
        if (step === 'flush') {
          await life.flush()
          durable = states.length - 1
        } else if (step === 'stop') {
          await life.sessions.close()
          await life.rig.set.close()
          durable = states.length - 1
          await restart()
        } else if (step === 'cut') {
          disk = disk.afterPowerLoss()
          await restart()
        } else {
          life.rig.offer('c', `${states.length}`)
          life.sessions.note(step)
          model.apply(step)
          states.push(keptIn(model))
        }
      }
    }),
    { numRuns: RUNS },
  )
})
