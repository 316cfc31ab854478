/** Which files of datastores are kept: by the age of their days, and by the bytes of all of them. */
import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DatastoreKeeping } from '../../../../src/analytics/datastores/keeping.ts'
import { datastoreDefinition } from '../../../../src/analytics/resources/datastore-definition.ts'
import {
  EMPTY_CATALOGUE,
  readCatalogue,
  writeCatalogue,
} from '../../../../src/analytics/tables/catalogue.ts'
import { readTable } from '../../../../src/analytics/tables/table.ts'
import { tableFilePath } from '../../../../src/analytics/tables/table-file.ts'
import {
  datastoreTable,
  originOf,
  type TableLocation,
  tableDirectory,
} from '../../../../src/analytics/tables/table-location.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const NOON = Date.parse('2026-11-29T12:00:00Z')
const LOG = '0a1b2c3d'
const { signal } = new AbortController()

const WARM = datastoreTable('warm', 'clean')
const COLD = datastoreTable('cold', 'clean')

/** @param retention days, by datastore; undefined: unlimited */
async function keepingOf(
  t: TestContext,
  { maxBytes = 1_000_000, retention = {} as Record<string, number | undefined> } = {},
) {
  const directory = await temporaryDirectory(t)
  const clock = new ManualClock(NOON)
  const bytes: Record<string, number> = {}
  const compacted: unknown[] = []
  const keeping = new DatastoreKeeping({
    directory,
    clock,
    maxBytes,
    connectorId: 'c1',
    longestQueryMs: MINUTE_MS,
    datastore: (name) => {
      const numberOfDays = retention[name]
      const period = numberOfDays === undefined ? { unlimited: true } : { numberOfDays }
      return datastoreDefinition.parse({ retentionPeriod: period })
    },
    jobs: { run: async (_, request) => void compacted.push(request) },
    observer: {
      ...silentObserver,
      datastoreGrew: (name, growth) => {
        bytes[name] = (bytes[name] ?? 0) + growth.bytes
      },
    },
  })
  /** A file of each day of November, of ten bytes unless they are given. */
  const add = async (table: TableLocation, days: readonly number[], size = 10) => {
    if ((await readCatalogue(directory, table)) === undefined) {
      await mkdir(tableDirectory(directory, table), { recursive: true })
      await writeCatalogue(directory, table, EMPTY_CATALOGUE)
    }
    for (const number of days) {
      const day = `2026-11-${String(number).padStart(2, '0')}`
      const path = tableFilePath({ day, logId: LOG, first: number * 10, end: number * 10 + 10 })
      const whole = join(tableDirectory(directory, table), path)
      await mkdir(dirname(whole), { recursive: true })
      await writeFile(whole, Buffer.alloc(size))
      await utimes(whole, NOON / 1000, NOON / 1000)
      await chmod(whole, 0o444)
    }
  }
  /** Days of November that are read. */
  const read = async (table: TableLocation) => {
    const { files } = await readTable(directory, table)
    return files.map(({ day }) => Number(day.slice(-2)))
  }
  /** Days of November that are on disk. */
  const stored = async (table: TableLocation) => {
    const names = await readdir(tableDirectory(directory, table))
    const days = names.filter((name) => name.startsWith('__dt='))
    return days.map((name) => Number(name.slice(-2))).sort((left, right) => left - right)
  }
  const keep = () => keeping.keep(signal)
  return { keeping, keep, directory, clock, add, read, stored, bytes, compacted, retention }
}

test('days beyond the retention period of a datastore are removed once no query can be reading them', async (t) => {
  const rig = await keepingOf(t, { retention: { warm: 7 } })
  const { keep, clock, add, read, stored, bytes, keeping } = rig
  await add(WARM, [1, 20, 21, 22, 23, 29])
  await add(COLD, [1, 29])

  await keep()
  assert.deepEqual(await read(WARM), [22, 23, 29])
  assert.deepEqual(await stored(WARM), [1, 20, 21, 22, 23, 29])
  clock.advance(15 * MINUTE_MS - 1)
  await keep()
  assert.deepEqual(await stored(WARM), [1, 20, 21, 22, 23, 29])
  clock.advance(1)
  await keep()

  assert.deepEqual(await stored(WARM), [22, 23, 29])
  assert.deepEqual(
    [await read(COLD), await stored(COLD)],
    [
      [1, 29],
      [1, 29],
    ],
  )
  assert.deepEqual(bytes, { warm: 30, cold: 20 })
  assert.equal(keeping.bytesOf('warm'), 30)
})

test('a day is kept until its last message is older than the retention period', async (t) => {
  const { keep, clock, add, read, stored } = await keepingOf(t, { retention: { warm: 7 } })
  await add(WARM, [22, 29])

  clock.setTime(Date.parse('2026-11-29T23:59:59.999Z'))
  await keep()
  const before = await read(WARM)
  clock.setTime(Date.parse('2026-11-30T00:00:00Z'))
  await keep()
  const after = await read(WARM)

  assert.deepEqual([before, after], [[22, 29], [29]])
  clock.setTime(Date.parse('2027-11-30T00:00:00Z'))
  clock.advance(15 * MINUTE_MS)
  await keep()
  clock.advance(15 * MINUTE_MS)
  await keep()
  assert.deepEqual(await stored(WARM), [], 'without new messages, the last day goes too')
})

test('days that were to expire, or are written later, are read if the retention period grows', async (t) => {
  const { keep, clock, add, read, stored, retention } = await keepingOf(t, {
    retention: { warm: 7 },
  })
  await add(WARM, [20, 29])
  await keep()
  assert.deepEqual(await read(WARM), [29])

  retention['warm'] = 30
  await keep()
  await add(WARM, [10])

  assert.deepEqual(await read(WARM), [10, 20, 29])
  retention['warm'] = 7
  clock.advance(20 * MINUTE_MS)
  await keep()
  assert.deepEqual(await stored(WARM), [10, 20, 29], 'a query may just have listed them')
})

test('beyond maxBytes the oldest days of all datastores go, and they do not come back meanwhile', async (t) => {
  const rig = await keepingOf(t, { maxBytes: 55 })
  const { keep, clock, add, read, stored, bytes, keeping } = rig
  await add(WARM, [24, 25, 26, 27, 28, 29])
  await add(COLD, [20, 25, 28])

  for (let minute = 0; minute <= 15; minute += 5) {
    await keep()
    assert.deepEqual([await read(WARM), await read(COLD)], [[26, 27, 28, 29], [28]])
    assert.deepEqual(bytes, { warm: 40, cold: 10 })
    assert.equal(await keeping.noRoom(), undefined)
    clock.advance(5 * MINUTE_MS)
  }

  assert.deepEqual([await stored(WARM), await stored(COLD)], [[26, 27, 28, 29], [28]])
})

test('days that expire by their age do not count, so no other day goes for them', async (t) => {
  const rig = await keepingOf(t, { maxBytes: 55, retention: { warm: 7 } })
  const { keep, add, read } = rig
  await add(WARM, [10, 11, 12, 13, 14, 29])
  await add(COLD, [1, 2, 3])

  await keep()

  assert.deepEqual([await read(WARM), await read(COLD)], [[29], [1, 2, 3]])
})

test('when the files of today alone reach maxBytes there is no room until tomorrow', async (t) => {
  const { keep, clock, add, read, keeping } = await keepingOf(t, { maxBytes: 55 })
  await add(WARM, [27, 28], 50)
  await add(WARM, [29], 30)
  await add(COLD, [29], 25)

  await keep()

  assert.deepEqual([await read(WARM), await read(COLD)], [[29], [29]])
  assert.equal(
    await keeping.noRoom(),
    'the files of datastores of today have 55B, and analytics.pipelines.maxBytes is 55B; pipelines wait until tomorrow',
  )
  clock.advance(DAY_MS / 2)
  assert.equal(await keeping.noRoom(), undefined)
  await add(WARM, [30], 10)
  await keep()
  assert.deepEqual([await read(WARM), await read(COLD)], [[30], []])
})

test('files of a datastore that is not defined are left alone and not counted', async (t) => {
  const { clock, directory, add, stored } = await keepingOf(t)
  await add(WARM, [1, 29])
  const keeping = new DatastoreKeeping({
    directory,
    clock,
    maxBytes: 1,
    connectorId: 'c1',
    longestQueryMs: MINUTE_MS,
    datastore: (name) =>
      name === originOf(WARM)['datastore'] ? undefined : datastoreDefinition.parse({}),
    jobs: { run: () => Promise.reject(new Error('no job was expected')) },
    observer: silentObserver,
  })

  await keeping.keep(signal)
  clock.advance(20 * MINUTE_MS)
  await keeping.keep(signal)

  assert.deepEqual(await stored(WARM), [1, 29])
  assert.equal(await keeping.noRoom(), undefined)
})
