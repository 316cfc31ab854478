/** Which jobs the converter asks for, and when. */
import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  EMPTY_CATALOGUE,
  readCatalogue,
  writeCatalogue,
} from '../../../../src/analytics/tables/catalogue.ts'
import {
  failureDelayMs,
  isConversionDue,
  rowsPerJob,
} from '../../../../src/analytics/tables/conversion-schedule.ts'
import { TableConverter } from '../../../../src/analytics/tables/converter.ts'
import { firstKeptDay } from '../../../../src/analytics/tables/retention.ts'
import { readTable } from '../../../../src/analytics/tables/table.ts'
import { tableFilePath } from '../../../../src/analytics/tables/table-file.ts'
import { tableDirectory } from '../../../../src/analytics/tables/table-location.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const LOG = '0a1b2c3d'
const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const MIB = 1024 * 1024

interface Asked {
  readonly job: string
  readonly from?: number
  readonly to?: number
  readonly paths?: readonly string[]
}

/** A converter whose jobs are noted instead of done. */
async function converting(
  t: TestContext,
  { retentionMs = 30 * DAY_MS, maxBytes = MIB, longestQueryMs = MINUTE_MS } = {},
) {
  const directory = await temporaryDirectory(t)
  const clock = new ManualClock()
  const log = { channel: 'plant', logId: LOG, committed: 0 }
  const asked: Asked[] = []
  const failed: string[] = []
  const gaps: number[] = []
  const leftOut: object[] = []
  const growth = { files: 0, bytes: 0, waitingRows: 0 }
  const context = {
    noRoom: undefined as string | undefined,
    retentionDays: undefined as number | undefined,
    run: async (_request: Asked): Promise<object> => ({}),
  }
  const converter = new TableConverter({
    directory,
    connectorId: 'c1',
    retention: { retentionMs, maxBytes },
    longestQueryMs,
    logs: () => [log],
    noRoom: async () => context.noRoom,
    retentionDaysOf: () => context.retentionDays,
    clock,
    random: () => 0.5,
    jobs: {
      run: async (job, request) => {
        const one = { job, ...(request as object) } as Asked
        asked.push(one)
        const rows = (one.to ?? 0) - (one.from ?? 0)
        const result = { rows, files: 1, bytes: 1, payloadBytes: rows * 100, drifted: 0 }
        return { ...result, ...(await context.run(one)) }
      },
    },
    observer: {
      ...silentObserver,
      conversionFailed: (_channel, { code }) => void failed.push(code),
      rowsConverted: (_channel, { gapRows }) => void gaps.push(gapRows),
      rowsLeftOut: (_channel, rows) => void leftOut.push(rows),
      tablesGrew: (_channel, { files, bytes, waitingRows }) => {
        growth.files += files
        growth.bytes += bytes
        growth.waitingRows += waitingRows
      },
    },
  })
  t.after(() => converter.close())
  const add = async (day: string, first: number, end: number, bytes = 10) => {
    const path = tableFilePath({ day, logId: LOG, first, end })
    const whole = join(tableDirectory(directory, 'tables/plant'), path)
    await mkdir(dirname(whole), { recursive: true })
    await writeFile(whole, Buffer.alloc(bytes))
    await utimes(whole, clock.now() / 1000, clock.now() / 1000)
    await chmod(whole, 0o444)
    return path
  }
  return { directory, clock, log, asked, failed, gaps, leftOut, growth, context, converter, add }
}

function dayAfter(clock: ManualClock, days: number): string {
  return new Date(clock.now() + days * DAY_MS).toISOString().slice(0, 10)
}

const ranges = (asked: readonly Asked[]) => asked.map(({ job, from, to }) => [job, from, to])

test('rows are converted when there are many of them, or large ones, or old ones', () => {
  const due = (rows: number, ageMs: number, rowBytes = 100) =>
    isConversionDue({ rows, ageMs, rowBytes })

  assert.equal(due(0, 60 * MINUTE_MS), false)
  assert.equal(due(49_999, 0), false)
  assert.equal(due(50_000, 0), true)
  assert.equal(due(99, 0, 100_000), true)
  assert.equal(due(1, 5 * MINUTE_MS), true)
})

test('a job takes fewer rows after failures', () => {
  assert.equal(rowsPerJob(0), 500_000)
  assert.equal(rowsPerJob(2), 7_812)
  assert.equal(rowsPerJob(99), 1)
  assert.deepEqual(
    [0, 1, 20].map((failures) => failureDelayMs(failures, 0)),
    [5_000, 10_000, 300_000],
  )
})

test('a few rows wait for some minutes; then they are converted, and later ones behind them', async (t) => {
  const { converter, clock, log, asked, growth } = await converting(t)
  log.committed = 10

  await converter.check()
  assert.deepEqual(asked, [])
  assert.equal(growth.waitingRows, 10)
  clock.advance(5 * MINUTE_MS)
  await converter.check()
  log.committed = 100_000
  await converter.check()

  assert.deepEqual(ranges(asked), [
    ['convert', 0, 10],
    ['convert', 10, 100_000],
  ])
  assert.equal(growth.waitingRows, 0)
})

test('after a start the converter goes on behind the files that are there', async (t) => {
  const { converter, log, asked, add, growth, clock } = await converting(t)
  await add(dayAfter(clock, 0), 0, 700)
  log.committed = 90_000

  await converter.check()

  assert.deepEqual(ranges(asked), [['convert', 700, 90_000]])
  assert.deepEqual(growth, { files: 1, bytes: 10, waitingRows: 0 })
})

test('if the rows are large, a job takes some of them, and the next one goes on there', async (t) => {
  const { converter, log, asked, context } = await converting(t)
  context.run = async () => ({ to: 20_000 })
  log.committed = 90_000

  await converter.check()
  await converter.check()

  assert.deepEqual(ranges(asked), [
    ['convert', 0, 90_000],
    ['convert', 20_000, 90_000],
  ])
})

test('a log with another id begins at its first row', async (t) => {
  const { converter, log, asked, add, clock } = await converting(t)
  await add(dayAfter(clock, 0), 0, 90_000)
  log.logId = 'ffffffff'
  log.committed = 60_000

  await converter.check()

  assert.deepEqual(ranges(asked), [['convert', 0, 60_000]])
})

test('rows that are gone are reported, and the converter goes on behind them', async (t) => {
  const { converter, log, gaps, asked, context } = await converting(t)
  context.run = async () => ({ rows: 0, files: 0, bytes: 0, gapRows: 60_000 })
  log.committed = 60_000

  await converter.check()
  log.committed = 120_000
  await converter.check()

  assert.deepEqual(gaps, [60_000, 60_000])
  assert.deepEqual(ranges(asked), [
    ['convert', 0, 60_000],
    ['convert', 60_000, 120_000],
  ])
})

test('a conversion that fails is tried again later, with fewer rows', async (t) => {
  const { converter, log, asked, failed, context, clock } = await converting(t)
  context.run = () => Promise.reject(new ConnectorError('AnalyticsUnavailable', 'ended'))
  log.committed = 500_000

  await converter.check()
  await converter.check()
  clock.advance(10_000)
  await converter.check()

  assert.deepEqual(failed, ['AnalyticsUnavailable', 'AnalyticsUnavailable'])
  assert.deepEqual(ranges(asked), [
    ['convert', 0, 500_000],
    ['convert', 0, 62_500],
  ])
})

test('a row that can never be converted is found and left out, and all others are converted', async (t) => {
  const { converter, log, asked, leftOut, context, clock } = await converting(t)
  const broken = 70_007
  log.committed = 500_000
  const done = new Set<number>()
  context.run = async ({ from = 0, to = 0 }) => {
    if (from <= broken && broken < to) throw new Error('not this one')
    for (let row = from; row < to; row++) done.add(row)
    return {}
  }

  for (let check = 0; check < 200; check++) {
    await converter.check()
    clock.advance(10 * MINUTE_MS)
  }

  assert.deepEqual(leftOut, [{ from: broken, to: broken + 1 }])
  assert.equal(done.size, log.committed - 1)
  assert.ok(asked.length < 100, `${asked.length} jobs`)
})

test('no row is left out while none can be converted, however long that takes', async (t) => {
  const { converter, log, leftOut, context, clock, asked } = await converting(t)
  log.committed = 10_000
  const reason = new ConnectorError('AnalyticsUnavailable', 'DuckDB is not installed')
  context.run = () => Promise.reject(reason)
  clock.advance(10 * MINUTE_MS)
  for (let check = 0; check < 300; check++) {
    await converter.check()
    clock.advance(10 * MINUTE_MS)
  }
  asked.length = 0

  context.run = async () => ({})
  for (let check = 0; check < 20; check++) await converter.check()

  assert.deepEqual(leftOut, [])
  assert.equal(asked[0]?.from, 0)
  assert.equal(asked.at(-1)?.to, 10_000)
})

test('nothing is written while messages may need the room', async (t) => {
  const { converter, log, asked, failed, context, clock } = await converting(t)
  log.committed = 60_000
  context.noRoom = 'the disk is full'

  await converter.check()
  context.noRoom = undefined
  clock.advance(MINUTE_MS)
  await converter.check()

  assert.deepEqual(failed, ['TablesFull'])
  assert.equal(asked.length, 1)
})

test('files of today that reach maxBytes stop the conversion until tomorrow', async (t) => {
  const { converter, log, asked, failed, add, clock } = await converting(t, { maxBytes: 1000 })
  await add(dayAfter(clock, 0), 0, 10, 1000)
  log.committed = 60_000

  await converter.check()
  clock.advance(DAY_MS)
  await converter.check()

  assert.deepEqual(failed, ['TablesFull'])
  assert.deepEqual(ranges(asked), [['convert', 10, 60_000]])
})

test('the definition of a channel shortens the time that its files are kept', async (t) => {
  const { directory, clock, converter, context, add } = await converting(t)
  await add(dayAfter(clock, -20), 0, 10)
  const kept = await add(dayAfter(clock, -5), 10, 20)
  await writeCatalogue(directory, 'tables/plant', { columns: [], files: new Map() })

  context.retentionDays = 7
  await converter.check()

  const { files } = await readTable(directory, 'tables/plant')
  assert.deepEqual(
    files.map(({ path }) => path),
    [kept],
  )
})

test('an expired day is not read any more, and is removed once no query can be reading it', async (t) => {
  const { converter, directory, add, clock } = await converting(t, { retentionMs: 2 * DAY_MS })
  const old = await add(dayAfter(clock, -3), 0, 10)
  const young = await add(dayAfter(clock, -2), 10, 20)
  await writeCatalogue(directory, 'tables/plant', {
    ...EMPTY_CATALOGUE,
    files: new Map(
      [old, young].map((path) => [path, { bytes: 10, rows: 10, crc32: '00000000', drift: {} }]),
    ),
  })
  const paths = async () =>
    (await readTable(directory, 'tables/plant')).files.map(({ path }) => path)

  await converter.check()
  assert.deepEqual(await paths(), [young])
  assert.equal((await readdir(tableDirectory(directory, 'tables/plant'))).length, 3)
  clock.advance(20 * MINUTE_MS)
  await converter.check()

  assert.deepEqual((await readdir(tableDirectory(directory, 'tables/plant'))).sort(), [
    dirname(young),
    '_schema.json',
  ])
  const catalogue = await readCatalogue(directory, 'tables/plant')
  assert.ok(catalogue !== undefined && catalogue !== 'damaged')
  assert.deepEqual([...catalogue.files.keys()], [young])
})

test('the oldest days go first when there are too many bytes, but never today', () => {
  const now = Date.parse('2026-11-29T12:00:00Z')
  const file = (day: string, bytes: number) => ({
    day,
    bytes,
    logId: LOG,
    first: 0,
    end: 1,
    path: day,
    modifiedAt: 0,
  })
  const files = [file('2026-11-27', 50), file('2026-11-28', 50), file('2026-11-29', 50)]
  const kept = (maxBytes: number, retentionMs = 30 * DAY_MS) =>
    firstKeptDay(files, now, { maxBytes, retentionMs })

  assert.equal(kept(150), '2026-10-30')
  assert.equal(kept(149), '2026-11-28')
  assert.equal(kept(99), '2026-11-29')
  assert.equal(kept(1), '2026-11-29')
  assert.equal(kept(150, DAY_MS), '2026-11-28')
})

test('a file that is in a wider one is removed once no query can be reading it', async (t) => {
  const { converter, directory, add, clock } = await converting(t)
  const day = dayAfter(clock, 0)
  const paths = [await add(day, 0, 10), await add(day, 10, 20), await add(day, 0, 20)]
  const names = () => readdir(join(tableDirectory(directory, 'tables/plant'), dirname(paths[0]!)))

  await converter.check()
  assert.equal((await names()).length, 3)
  clock.advance(15 * MINUTE_MS)
  await converter.check()

  assert.deepEqual(
    (await names()).map((name) => `${dirname(paths[0]!)}/${name}`),
    [paths[2]],
  )
})

test('files that a query may be reading stay for as long as a query may take', async (t) => {
  const hour = 60 * MINUTE_MS
  const { converter, directory, add, clock } = await converting(t, { longestQueryMs: 2 * hour })
  const day = dayAfter(clock, 0)
  const paths = [await add(day, 0, 10), await add(day, 10, 20), await add(day, 0, 20)]
  const names = () => readdir(join(tableDirectory(directory, 'tables/plant'), dirname(paths[0]!)))

  clock.advance(2 * hour)
  await converter.check()
  assert.equal((await names()).length, 3)
  clock.advance(10 * MINUTE_MS)
  await converter.check()

  assert.equal((await names()).length, 1)
})

test('what a process has left half written is removed', async (t) => {
  const { converter, directory, add, clock } = await converting(t)
  const path = await add(dayAfter(clock, 0), 0, 10)
  const day = join(tableDirectory(directory, 'tables/plant'), dirname(path))
  await writeFile(join(day, '.0a1b2c3d-0000000000000010-0000000000000020.parquet'), 'half')

  await converter.check()

  assert.deepEqual((await readdir(day)).length, 1)
})

test('the files of a day that is over are compacted, and a failure there stops no conversion', async (t) => {
  const { converter, log, asked, failed, context, add, clock } = await converting(t)
  const day = dayAfter(clock, -1)
  const paths = [await add(day, 0, 10), await add(day, 10, 20)]
  context.run = ({ job }) =>
    job === 'compact' ? Promise.reject(new ConnectorError('DataDamaged', 'x')) : Promise.resolve({})
  log.committed = 60_000

  await converter.check()
  await converter.check()

  assert.deepEqual(asked[0]?.paths, paths)
  assert.deepEqual(failed[0], 'DataDamaged')
  assert.deepEqual(ranges(asked.slice(1, 2)), [['convert', 20, 60_000]])
})

test('checks begin on their own and end with the converter', async (t) => {
  const { converter, log, asked, context, clock } = await converting(t)
  const { promise: began, resolve: begin } = promised()
  context.run = () => {
    begin()
    return Promise.reject(new Error('killed'))
  }
  log.committed = 60_000

  converter.start()
  clock.advance(10_000)
  await began
  await converter.close()
  clock.advance(60_000)

  assert.equal(asked.length, 1)
})

function promised() {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
