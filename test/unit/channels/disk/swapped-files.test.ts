/** Files that were swapped or copied over each other, by a person or by a repair of the file system. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskLogStore } from '../../../../src/channels/disk/disk-log-store.ts'
import type { ChannelLog } from '../../../../src/channels/log/channel-log.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { draftOf, readAll } from '../../../support/channels/log-drafts.ts'
import { diskStore } from '../../../support/disk/disk-stores.ts'
import { promptClock, SLOT_BYTES } from '../../../support/disk/journal-trial.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const MESSAGES = 40
const CHANNELS = ['a', 'b']

function storeOn(disk: SimulatedDisk, damage: string[] = []): DiskLogStore {
  return diskStore({
    files: disk,
    clock: promptClock,
    slotBytes: SLOT_BYTES,
    segmentBytes: 4_000,
    observer: { ...silentObserver, damageFound: (channel) => void damage.push(channel) },
  })
}

async function append(store: DiskLogStore, logs: readonly ChannelLog[], count: number) {
  for (let index = 0; index < count; index++) {
    for (const log of logs) log.append(draftOf(`${log.channel} ${log.end} ${'x'.repeat(500)}`))
    await store.commit()
  }
}

/** Two channels with segments of the same names. Their positions differ. */
async function stopped(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(5))
  const store = storeOn(disk)
  await store.open()
  const logs = CHANNELS.map((name) => store.create(name))
  await append(store, logs, MESSAGES)
  for (const log of logs) {
    const refused = { QueueFull: log.channel === 'a' ? 1 : 2 }
    log.noteState({ version: 1, cursors: {}, refused }, 0)
  }
  await store.commit()
  await store.close()
  return disk
}

/** The journal knows nothing of the channels: they were idle since it was begun again. */
async function stoppedWithoutJournal(): Promise<SimulatedDisk> {
  const disk = await stopped()
  for (const path of disk.files) if (path.endsWith('.jnl')) disk.lose(path)
  return disk
}

/** The process was killed while the last messages were in the journal alone. */
async function killed(): Promise<SimulatedDisk> {
  const disk = await stopped()
  const store = storeOn(disk)
  await append(store, await store.open(), 3)
  return disk
}

function filesOf(disk: SimulatedDisk, channel: string, ending: string): string[] {
  const directory = `/data/channels/${channel}/`
  return disk.files.filter((path) => path.startsWith(directory) && path.endsWith(ending)).sort()
}

function swap(disk: SimulatedDisk, one = '', other = ''): void {
  const content = disk.contentOf(one)
  disk.replace(one, disk.contentOf(other))
  disk.replace(other, content)
}

function copyOver(disk: SimulatedDisk, from = '', to = ''): void {
  disk.replace(to, disk.contentOf(from))
}

function swapDirectories(disk: SimulatedDisk): void {
  const moved = disk.files.flatMap((path) => {
    const to = path.replace(/^\/data\/channels\/(a|b)\//, (_, name) =>
      name === 'a' ? '/data/channels/b/' : '/data/channels/a/',
    )
    return to === path ? [] : [{ path, to, content: disk.contentOf(path) }]
  })
  for (const { path } of moved) disk.lose(path)
  for (const { to, content } of moved) disk.replace(to, content)
}

interface Swap {
  readonly what: string
  readonly make: (disk: SimulatedDisk) => void
  /** Channels that lose messages by it. */
  readonly harmed: readonly string[]
}

const SWAPS: readonly Swap[] = [
  {
    what: 'two segments of one channel are swapped',
    make: (disk) => swap(disk, filesOf(disk, 'a', '.log')[1], filesOf(disk, 'a', '.log')[3]),
    harmed: ['a'],
  },
  {
    what: 'the oldest and the newest segment of one channel are swapped',
    make: (disk) => swap(disk, filesOf(disk, 'a', '.log')[0], filesOf(disk, 'a', '.log').at(-1)),
    harmed: ['a'],
  },
  {
    what: 'a segment is copied over the next one of its channel',
    make: (disk) => copyOver(disk, filesOf(disk, 'a', '.log')[1], filesOf(disk, 'a', '.log')[2]),
    harmed: ['a'],
  },
  {
    what: 'a segment is copied over the newest one of its channel',
    make: (disk) =>
      copyOver(disk, filesOf(disk, 'a', '.log')[1], filesOf(disk, 'a', '.log').at(-1)),
    harmed: ['a'],
  },
  {
    what: 'segments of two channels with the same name are swapped',
    make: (disk) => swap(disk, filesOf(disk, 'a', '.log')[2], filesOf(disk, 'b', '.log')[2]),
    harmed: ['a', 'b'],
  },
  {
    what: 'the newest segments of two channels are swapped',
    make: (disk) =>
      swap(disk, filesOf(disk, 'a', '.log').at(-1), filesOf(disk, 'b', '.log').at(-1)),
    harmed: ['a', 'b'],
  },
  {
    what: 'a segment is copied over one of another channel',
    make: (disk) => copyOver(disk, filesOf(disk, 'a', '.log')[2], filesOf(disk, 'b', '.log')[1]),
    harmed: ['b'],
  },
  {
    what: 'the positions of two channels are swapped',
    make: (disk) => swap(disk, '/data/channels/a/cursors', '/data/channels/b/cursors'),
    harmed: [],
  },
  {
    what: 'the positions of one channel are copied over those of another',
    make: (disk) => copyOver(disk, '/data/channels/a/cursors', '/data/channels/b/cursors'),
    harmed: [],
  },
]

test('if the directories of two channels are swapped, both are set aside until they are swapped back, and nothing is lost', async () => {
  for (const prepare of [stopped, killed]) {
    const disk = await prepare()
    const expected = MESSAGES + (prepare === killed ? 3 : 0)
    swapDirectories(disk)
    const before = disk.files.filter((path) => path.startsWith('/data/channels/'))
    const store = storeOn(disk)

    const logs = await store.open()
    const { faults } = store
    await store.close()
    const after = disk.files.filter((path) => path.startsWith('/data/channels/'))
    swapDirectories(disk)
    const repaired = storeOn(disk)
    const found = await repaired.open()
    const shown = await Promise.all(found.map((log) => readAll(log)))

    assert.deepEqual(logs, [])
    assert.match(faults[0]?.refusal.message ?? '', /the files belong to another channel/)
    assert.deepEqual(faults.map(({ channel }) => channel).sort(), CHANNELS)
    assert.deepEqual(after, before)
    assert.deepEqual(
      shown.map(({ length }) => length),
      [expected, expected],
    )
    await repaired.close()
  }
})

for (const [when, prepare] of [
  ['after a stop', stopped],
  ['after a stop, without a journal', stoppedWithoutJournal],
  ['after a kill', killed],
] as const) {
  for (const { what, make, harmed } of SWAPS) {
    test(`if ${what} ${when}, no channel shows messages of another or in another order, and all that is lost is reported`, async () => {
      const disk = await prepare()
      const expected = MESSAGES + (prepare === killed ? 3 : 0)
      make(disk)
      const damage: string[] = []
      const store = storeOn(disk, damage)

      const logs = await store.open()
      const shown = await Promise.all(logs.map((log) => readAll(log)))
      const lost = logs.map(({ damaged }) =>
        [...damaged].reduce((sum, { from, to }) => sum + to - from, 0),
      )
      const states = await Promise.all(logs.map((log) => log.loadState()))
      await store.close()

      for (const [index, { channel, start, committed }] of logs.entries()) {
        const messages = shown[index] ?? []
        const texts = messages.map(
          ({ payload, offset }) => `${offset} ${payload.toString('utf8', 0, 4)}`,
        )
        const own = messages.map(
          ({ offset }) => `${offset} ${`${channel} ${offset} xx`.slice(0, 4)}`,
        )
        assert.deepEqual(texts, own, channel)
        assert.deepEqual([start, committed], [0, expected], channel)
        assert.equal(messages.length + (lost[index] ?? 0), expected, channel)
        assert.equal((lost[index] ?? 0) > 0, harmed.includes(channel), `${channel}: ${lost[index]}`)
        // Positions are a channel's own, or lost.
        const refused = states[index]?.refused['QueueFull']
        assert.ok(
          refused === undefined || refused === (channel === 'a' ? 1 : 2),
          `${channel}: ${refused}`,
        )
      }
      assert.deepEqual(
        harmed.filter((channel) => !damage.includes(channel)),
        [],
      )
    })
  }
}
