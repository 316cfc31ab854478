/** When pipelines run, on what, and what happens when a job fails. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { FedPipeline } from '../../../../src/analytics/datastores/feed-options.ts'
import { DatastoreFeeds } from '../../../../src/analytics/datastores/feeds.ts'
import type { DeriveRequest } from '../../../../src/analytics/datastores/jobs/derive-job.ts'
import { DatastoreKeeping } from '../../../../src/analytics/datastores/keeping.ts'
import { readPosition } from '../../../../src/analytics/datastores/position-file.ts'
import { datastoreDefinition } from '../../../../src/analytics/resources/datastore-definition.ts'
import { JobError } from '../../../../src/analytics/worker/job.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import { type PipelineRun, silentObserver } from '../../../../src/observer.ts'
import { chainOf } from '../../../support/analytics/derivations.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const INTERVAL_MS = 60_000

interface Asked {
  readonly from: number
  readonly to: number
  readonly skipped: string | undefined
  readonly window: DeriveRequest['window']
}

interface Fakes {
  /** Throws for what the job is to fail on. */
  job: (asked: Asked) => Promise<void> | void
  committed: number
  logId: string
  start: number
  noRoom: string | undefined
}

async function feedsIn(t: TestContext, { directory = '', createdAt = 5 } = {}) {
  const path = directory === '' ? await temporaryDirectory(t) : directory
  const clock = new ManualClock()
  const asked: Asked[] = []
  const runs: PipelineRun[] = []
  const delays: { code: string; delayMs: number }[] = []
  const fakes: Fakes = {
    job: () => {},
    committed: 0,
    logId: '0a1b2c3d',
    start: 0,
    noRoom: undefined,
  }
  const pipeline: FedPipeline = {
    name: 'clean',
    createdAt,
    definition: { pipelineActivities: chainOf([]) },
  }
  const defined = { pipelines: [pipeline], hasDatastore: true }
  const options = {
    directory: path,
    clock,
    connectorId: 'c1',
    longestQueryMs: 60_000,
    maxBytes: 1_000_000,
    intervalMs: INTERVAL_MS,
    settings: { functions: {}, maxFailureBytes: 1_000_000 },
    datastore: () => (defined.hasDatastore ? datastoreDefinition.parse({}) : undefined),
    noRoom: async () => fakes.noRoom,
    random: () => 1,
    log: () => {
      const { logId, start, committed } = fakes
      // The messages before the creation of the pipeline are the first ten.
      return { logId, start, committed, offsetAt: async () => Math.max(start, 10) }
    },
    observer: {
      ...silentObserver,
      pipelineRan: (_: string, run: PipelineRun) => void runs.push(run),
      pipelineDelayed: (_: string, { code }: ConnectorError, delayMs: number) => {
        delays.push({ code, delayMs })
      },
    },
    jobs: {
      run: async (_: string, request: unknown) => {
        const { derivation, skipped, window } = request as DeriveRequest
        const { from, to } = derivation
        const one = { from, to, skipped, window }
        asked.push(one)
        await fakes.job(one)
        const counts = { rows: to - from, dropped: 0, gap: 0, files: 1, bytes: 9, drifted: 0 }
        return { to, messages: to - from, failures: [], ...counts }
      },
    },
  }
  const kept = { times: 0 }
  const keeping = new DatastoreKeeping(options)
  const keep = keeping.keep.bind(keeping)
  keeping.keep = (signal) => {
    kept.times++
    return keep(signal)
  }
  const feeds = new DatastoreFeeds({ ...options, keeping, pipelines: () => defined.pipelines })
  t.after(() => feeds.close())
  return { feeds, clock, asked, runs, delays, fakes, defined, kept, directory: path }
}

const ranges = (asked: readonly Asked[]) => asked.map(({ from, to }) => [from, to])
const crash = () => {
  throw new ConnectorError('AnalyticsUnavailable', 'the process ended: SIGSEGV')
}

test('a pipeline begins with the messages that came after it, and waits for others', async (t) => {
  const { feeds, clock, asked, fakes, directory } = await feedsIn(t)
  fakes.committed = 30

  await feeds.check()
  clock.advance(INTERVAL_MS - 1)
  await feeds.check()
  assert.deepEqual(asked, [])
  clock.advance(1)
  await feeds.check()
  fakes.committed = 10 + 20 + 50_000
  await feeds.check()

  assert.deepEqual(ranges(asked), [
    [10, 30],
    [30, 50_030],
  ])
  const { offset } = (await readPosition(directory, 'clean')) ?? {}
  assert.equal(offset, 50_030)
})

test('the position is kept over a restart, and a pipeline of the same name begins again', async (t) => {
  const before = await feedsIn(t)
  before.fakes.committed = 40
  await before.feeds.catchUp(['readings'], new AbortController().signal)
  const { directory } = before

  const after = await feedsIn(t, { directory })
  after.fakes.committed = 45
  await after.feeds.catchUp(['readings'], new AbortController().signal)
  const another = await feedsIn(t, { directory, createdAt: 6 })
  another.fakes.committed = 50
  await another.feeds.catchUp(['readings', 'others'], new AbortController().signal)

  assert.deepEqual(ranges(before.asked), [[10, 40]])
  assert.deepEqual(ranges(after.asked), [[40, 45]])
  assert.deepEqual(ranges(another.asked), [[10, 50]])
})

test('a channel that was created again is read from its start', async (t) => {
  const { feeds, asked, fakes } = await feedsIn(t)
  const { signal } = new AbortController()
  fakes.committed = 40
  await feeds.catchUp(['readings'], signal)
  Object.assign(fakes, { logId: '11111111', start: 3, committed: 20 })

  await feeds.catchUp(['readings'], signal)

  assert.deepEqual(ranges(asked), [
    [10, 40],
    [3, 20],
  ])
})

test('the message that ends the process is found, kept as failed, and the pipeline goes on', async (t) => {
  const { feeds, clock, asked, fakes, delays } = await feedsIn(t)
  fakes.committed = 1_010
  fakes.job = ({ from, to, skipped }) => {
    if (skipped === undefined && from <= 500 && to > 500) crash()
  }

  for (let check = 0; check < 200; check++) {
    await feeds.check()
    clock.advance(INTERVAL_MS)
  }

  const skipped = asked.filter((one) => one.skipped !== undefined)
  assert.deepEqual(ranges(skipped), [[500, 501]])
  assert.match(skipped[0]?.skipped ?? '', /SIGSEGV/)
  assert.equal(asked.at(-1)?.to, 1_010)
  assert.ok(delays.length <= 20, 'few attempts')
  const done = asked.filter((one) => one.skipped !== undefined || one.from > 500 || one.to <= 500)
  const offsets = done.reduce((sum, { from, to }) => sum + to - from, 0)
  assert.equal(offsets, 1_000, 'every message once')
})

test('without DuckDB, room or things a pipeline waits, and no message is given up', async (t) => {
  const { feeds, clock, asked, fakes, delays } = await feedsIn(t)
  fakes.committed = 1_010
  fakes.job = () => {
    throw new JobError('AnalyticsUnavailable', 'tables need the package @duckdb/node-api')
  }
  clock.advance(INTERVAL_MS)
  for (let check = 0; check < 50; check++) {
    await feeds.check()
    clock.advance(INTERVAL_MS)
  }
  assert.ok(asked.every(({ from, to, skipped }) => from === 10 && to === 1_010 && !skipped))
  assert.ok(asked.length < 15, 'with growing delays')
  assert.equal(delays.at(-1)?.delayMs, 600_000)
  const { signal } = new AbortController()
  await assert.rejects(feeds.catchUp(['readings'], signal), { code: 'AnalyticsUnavailable' })

  fakes.noRoom = 'the disk is full'
  const before = asked.length
  await assert.rejects(feeds.catchUp(['readings'], signal), {
    code: 'TablesFull',
    message: 'the disk is full',
  })
  assert.equal(asked.length, before)

  Object.assign(fakes, { noRoom: undefined, job: () => {} })
  await feeds.catchUp(['readings'], signal)
  assert.deepEqual(ranges(asked).at(-1), [10, 1_010])
})

test('while the datastores are full messages wait, also those to be processed again, and are all processed later', async (t) => {
  const { feeds, clock, asked, fakes, delays } = await feedsIn(t)
  fakes.committed = 20
  await feeds.catchUp(['readings'], new AbortController().signal)
  fakes.noRoom = 'the files of datastores of today have 16 MiB'
  fakes.committed = 1_010
  await feeds.startReprocessing('clean', { from: undefined, until: undefined })

  for (let check = 0; check < 50; check++) {
    await feeds.check()
    clock.advance(INTERVAL_MS)
  }
  assert.deepEqual(ranges(asked), [[10, 20]])
  assert.ok(delays.every(({ code }) => code === 'TablesFull'))
  assert.ok(delays.length > 2 && delays.length < 30, 'with growing delays')
  fakes.noRoom = undefined
  clock.advance(10 * INTERVAL_MS)
  await feeds.check()

  assert.deepEqual(ranges(asked).slice(1), [
    [20, 1_010],
    [0, 20],
  ])
})

test('files are looked after also while a pipeline always has more to do', async (t) => {
  const { feeds, clock, fakes, kept } = await feedsIn(t)
  for (let check = 0; check < 60; check++) {
    fakes.committed += 100_000
    assert.equal(await feeds.check(), true)
    clock.advance(20_000)
  }

  assert.equal(kept.times, 4, 'every five minutes')
})

test('a worker process that never lives is an error of catchUp, not an endless attempt', async (t) => {
  const { feeds, asked, fakes } = await feedsIn(t)
  fakes.committed = 1_010
  fakes.job = crash

  await assert.rejects(feeds.catchUp(['readings'], new AbortController().signal), {
    code: 'AnalyticsUnavailable',
  })

  assert.ok(asked.length < 50)
  assert.ok(asked.every(({ from }) => from === 10))
})

test('a reprocessing has its window, survives a restart, and can be cancelled', async (t) => {
  const before = await feedsIn(t)
  before.fakes.committed = 250_010
  const { signal } = new AbortController()
  await before.feeds.catchUp(['readings'], signal)
  before.asked.length = 0
  const id = await before.feeds.startReprocessing('clean', { from: 5, until: undefined })
  await before.feeds.check()
  await before.feeds.close()

  const { feeds, asked, fakes } = await feedsIn(t, { directory: before.directory })
  fakes.committed = 250_010
  await feeds.start()
  assert.deepEqual(
    feeds.reprocessings('clean').map(({ id, status }) => [id, status]),
    [[id, 'RUNNING']],
  )
  await feeds.check()
  assert.equal(await feeds.cancelReprocessing('clean', 'another'), false)
  assert.equal(await feeds.cancelReprocessing('clean', id), true)
  await feeds.check()

  assert.deepEqual(before.asked, [
    { from: 10, to: 100_010, skipped: undefined, window: { from: 5 } },
  ])
  assert.deepEqual(ranges(asked), [[100_010, 200_010]])
  assert.equal(feeds.reprocessings('clean')[0]?.status, 'CANCELLED')
})

test('a pipeline without a datastore waits, and one that is gone is forgotten', async (t) => {
  const { feeds, clock, asked, fakes, defined, directory } = await feedsIn(t)
  fakes.committed = 40
  defined.hasDatastore = false
  await feeds.check()
  clock.advance(INTERVAL_MS)
  await feeds.check()
  assert.deepEqual(asked, [])

  defined.hasDatastore = true
  await feeds.catchUp(['readings'], new AbortController().signal)
  assert.deepEqual(ranges(asked), [[10, 40]])

  defined.pipelines = []
  await feeds.pipelineRemoved('clean')
  assert.equal(await readPosition(directory, 'clean'), undefined)
  assert.deepEqual(feeds.reprocessings('clean'), [])
  fakes.committed = 90
  await feeds.check()
  assert.equal(asked.length, 1)
})
