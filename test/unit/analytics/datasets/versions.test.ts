/** Which versions are kept, and what outlives them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expiredVersions } from '../../../../src/analytics/datasets/versions/expired-versions.ts'
import type { VersionRecord } from '../../../../src/analytics/datasets/versions/version-record.ts'
import {
  DatasetRig,
  definitionOf,
  deltaDefinition,
  failure,
} from '../../../support/analytics/dataset-rig.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const DAY = 86_400_000
const NOW = 1_000 * DAY

type Given = readonly [name: string, state: VersionRecord['state'], ageDays: number]

function recordOf([version, state, ageDays]: Given): VersionRecord {
  const createdAt = NOW - ageDays * DAY
  const times = { createdAt, scheduledAt: createdAt }
  return { version, state, cause: 'request', ...times, attempts: 1, entries: [], deliveries: [] }
}

const FRESH: readonly Given[] = [
  ['v-making', 'CREATING', 0],
  ['v-failed', 'FAILED', 1],
  ['v-second', 'FAILED', 2],
  ['v-good-2', 'SUCCEEDED', 3],
  ['v-good-1', 'SUCCEEDED', 4],
]
const OLD: readonly Given[] = [...FRESH, ['v-old', 'SUCCEEDED', 91]]

const TABLE: readonly [string, readonly Given[], object, readonly string[]][] = [
  ['nothing set', FRESH, {}, ['v-making', 'v-failed', 'v-good-2']],
  ['nothing set, and all too old', [['v-old', 'SUCCEEDED', 91]], {}, []],
  [
    'unlimited versions',
    OLD,
    { versioningConfiguration: { unlimited: true } },
    ['v-making', 'v-failed', 'v-second', 'v-good-2', 'v-good-1'],
  ],
  [
    'unlimited versions and retention',
    OLD,
    { versioningConfiguration: { unlimited: true }, retentionPeriod: { unlimited: true } },
    OLD.map(([version]) => version),
  ],
  [
    'as many versions as fit',
    FRESH,
    { versioningConfiguration: { maxVersions: 3 } },
    ['v-making', 'v-failed', 'v-second', 'v-good-2'],
  ],
  [
    'fewer versions than have failed since the last success',
    FRESH,
    { versioningConfiguration: { maxVersions: 2 } },
    ['v-making', 'v-failed', 'v-good-2'],
  ],
  ['one version', FRESH, { versioningConfiguration: { maxVersions: 1 } }, ['v-making', 'v-good-2']],
  [
    'a retention shorter than the versions',
    FRESH,
    { versioningConfiguration: { maxVersions: 9 }, retentionPeriod: { numberOfDays: 2 } },
    ['v-making', 'v-failed', 'v-second'],
  ],
  ['a retention alone', FRESH, { retentionPeriod: { numberOfDays: 2 } }, ['v-making', 'v-failed']],
  [
    'retention without end',
    OLD,
    { retentionPeriod: { unlimited: true } },
    ['v-making', 'v-failed', 'v-good-2'],
  ],
]

for (const [what, versions, rules, kept] of TABLE) {
  test(`with ${what}, the right versions are kept`, () => {
    const records = versions.map(recordOf)

    const expired = expiredVersions(records, definitionOf(rules), NOW)

    const left = records.filter((record) => !expired.includes(record))
    assert.deepEqual(
      left.map(({ version }) => version),
      kept,
    )
  })
}

function rigOn(disk: SimulatedDisk, more: object = {}): Promise<DatasetRig> {
  return new DatasetRig({ directory: '/data', files: disk, ...more }).open()
}

test('the windows go on although every version has been removed', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  await rig.define('delta', deltaDefinition(0))
  rig.rows.rows.push({ id: 1, time: rig.clock.now(), arrived: 0 })
  rig.clock.advance(1_000)
  await rig.datasets.deleteContent('delta', await rig.made('delta'))
  await rig.datasets.close()

  const { clock, rows } = rig
  const again = await rigOn(disk, { clock, rows, firstId: 9 })
  t.after(() => again.datasets.close())
  rows.rows.push({ id: 2, time: clock.now(), arrived: 0 })
  clock.advance(1_000)
  const version = await again.made('delta')

  assert.deepEqual(await again.ids('delta', version), [2])
})

test('a damaged record is set aside and reported, and the others stay', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  await rig.define('all', definitionOf({ versioningConfiguration: { unlimited: true } }))
  const first = await rig.made('all')
  const second = await rig.made('all')
  await rig.datasets.close()
  disk.replace(`/data/datasets/all/${first}.json`, Buffer.from('{"version":'))

  const again = await rigOn(disk, { clock: rig.clock })
  t.after(() => again.datasets.close())

  const left = await again.datasets.contents('all')
  assert.deepEqual(
    left.map(({ version }) => version),
    [second],
  )
  assert.match(again.damages[0] ?? '', new RegExp(`${first}\\.json is damaged`))
  assert.equal(await again.read('all', second), '"id"\n')
})

test('a dataset that is created again has none of the contents of the one before', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  t.after(() => rig.datasets.close())
  await rig.define('all', definitionOf({}))
  await rig.made('all')

  await rig.datasets.removed('all')

  assert.deepEqual(await rig.datasets.contents('all'), [])
  assert.deepEqual(
    disk.files.filter((path) => path.startsWith('/data/datasets/all')),
    [],
  )
})

test('names that differ only in case have contents of their own', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  t.after(() => rig.datasets.close())
  await rig.define('report', definitionOf({}))
  await rig.define('Report', definitionOf({}))

  await rig.made('report')

  assert.equal((await rig.datasets.contents('report')).length, 1)
  assert.equal((await rig.datasets.contents('Report')).length, 0)
})

test('a full disk fails the content with the reason, and later ones succeed', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  t.after(() => rig.datasets.close())
  await rig.define('all', definitionOf({ versioningConfiguration: { unlimited: true } }))
  for (let id = 0; id < 1_000; id++) rig.rows.rows.push({ id, time: 0, arrived: 0 })
  disk.capacityBytes = disk.bytes + 1_500

  const version = await rig.datasets.createContent('all', undefined)
  await rig.completed('all', version)
  const content = await rig.datasets.content('all', version ?? '', 'http://host')
  disk.capacityBytes = Number.POSITIVE_INFINITY
  const next = await rig.made('all')

  assert.equal(content?.status.state, 'FAILED')
  assert.match(content?.status.reason ?? '', /the disk is full/)
  assert.equal((await rig.ids('all', next)).length, 1_000)
  assert.equal(disk.files.filter((path) => path.endsWith('.data')).length, 1)
})

test('content that has no room left fails, and there is room again once versions are gone', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk, { options: { maxBytes: '1MiB' } })
  t.after(() => rig.datasets.close())
  await rig.define('all', definitionOf({ versioningConfiguration: { unlimited: true } }))
  for (let id = 0; id < 80_000; id++) rig.rows.rows.push({ id, time: 0, arrived: 0 })

  const states: string[] = []
  for (let run = 0; run < 4; run++) {
    const version = await rig.made('all')
    const content = await rig.datasets.content('all', version, '')
    states.push(content?.status.reason ?? content?.status.state ?? '')
  }
  for (const { version } of await rig.datasets.contents('all')) {
    await rig.datasets.deleteContent('all', version)
  }
  const after = await rig.completed('all', await rig.made('all'))

  assert.equal(states[0], 'SUCCEEDED')
  assert.match(
    states.at(-1) ?? '',
    /analytics\.datasets\.maxBytes is 1 MiB|analytics\.datasets\.maxBytes is 1MiB/,
  )
  assert.equal(after, 'SUCCEEDED')
})

test('a version that is made again keeps its content if that fails', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  t.after(() => rig.datasets.close())
  await rig.define('delta', deltaDefinition(0))
  rig.rows.rows.push({ id: 1, time: rig.clock.now(), arrived: 0 })
  rig.clock.advance(1_000)
  const version = await rig.made('delta')
  rig.rows.failure = failure('the worker has ended')

  await rig.datasets.createContent('delta', version)
  await rig.completed('delta', version)
  const content = await rig.datasets.content('delta', version, 'http://host')
  rig.rows.failure = undefined
  const late = { id: 2, time: rig.clock.now() - 500, arrived: 0 }
  rig.rows.rows.push(late)
  const before = await rig.ids('delta', version)
  await rig.datasets.createContent('delta', version)
  await rig.completed('delta', version)

  assert.deepEqual(content?.status, {
    state: 'SUCCEEDED',
    reason: 'Making it again has failed: the worker has ended',
  })
  assert.deepEqual(before, [1])
  assert.deepEqual(await rig.ids('delta', version), [1, 2])
})

test('only a delta dataset takes a version to make again', async (t) => {
  const rig = await rigOn(new SimulatedDisk(seededRandom(1)))
  t.after(() => rig.datasets.close())
  await rig.define('all', definitionOf({}))
  await rig.define('delta', deltaDefinition(0))

  await assert.rejects(rig.datasets.createContent('all', 'version-1'), {
    code: 'InvalidDataset',
    message: /no deltaTime filter/,
  })
  assert.equal(await rig.datasets.createContent('delta', 'version-1'), undefined)
})

test('content that is deleted while it is made is not made to its end', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  t.after(() => rig.datasets.close())
  await rig.define('all', definitionOf({}))
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  rig.rows.halfway = (signal) => {
    begin()
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  }
  const version = await rig.datasets.createContent('all', undefined)
  await begun

  assert.equal(await rig.datasets.deleteContent('all', version ?? ''), true)

  assert.deepEqual(await rig.datasets.contents('all'), [])
  assert.deepEqual(
    disk.files.filter((path) => path.startsWith('/data/datasets/all/')),
    [],
  )
})

test('content that has ended the connector three times fails at the next start', async (t) => {
  const disk = new SimulatedDisk(seededRandom(1))
  const rig = await rigOn(disk)
  await rig.define('all', definitionOf({}))
  const version = await rig.made('all')
  await rig.datasets.close()
  const path = `/data/datasets/all/${version}.json`
  const record = JSON.parse(disk.contentOf(path).toString())
  disk.replace(path, Buffer.from(JSON.stringify({ ...record, state: 'CREATING', attempts: 3 })))

  const again = await rigOn(disk, { clock: rig.clock })
  t.after(() => again.datasets.close())
  const state = await again.completed('all', version)

  assert.equal(state, 'FAILED')
  const content = await again.datasets.content('all', version, '')
  assert.match(content?.status.reason ?? '', /was ended 3 times/)
})

test('two contents are made at a time, and one of each dataset', async (t) => {
  const rig = await rigOn(new SimulatedDisk(seededRandom(1)))
  t.after(() => rig.datasets.close())
  const running: (() => void)[] = []
  rig.rows.halfway = () => new Promise((resolve) => running.push(resolve))
  for (const name of ['a', 'b', 'c']) await rig.define(name, definitionOf({}))
  const versions: string[] = []
  for (const name of ['a', 'a', 'b', 'c']) {
    versions.push((await rig.datasets.createContent(name, undefined)) ?? '')
  }
  await rig.advance(1)
  const atFirst = running.length
  running.shift()?.()
  await rig.advance(1)
  const afterOne = running.length
  rig.rows.halfway = async () => {}
  for (const resume of running) resume()

  assert.equal(atFirst, 2)
  assert.equal(afterOne, 2)
  for (const [index, name] of ['a', 'a', 'b', 'c'].entries()) {
    if (index === 0) continue
    assert.equal(await rig.completed(name, versions[index]), 'SUCCEEDED')
  }
})
