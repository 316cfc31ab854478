/** Messages on which the worker process ends, with real processes. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DatastoreFeeds } from '../../../src/analytics/datastores/feeds.ts'
import { DatastoreKeeping } from '../../../src/analytics/datastores/keeping.ts'
import { readFailures } from '../../../src/analytics/pipelines/failures/failure-store.ts'
import { datastoreDefinition } from '../../../src/analytics/resources/datastore-definition.ts'
import { listTable } from '../../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../../src/analytics/tables/table-location.ts'
import { WorkerProcess } from '../../../src/analytics/worker/worker-process.ts'
import { WORKER_PROGRAM } from '../../../src/analytics/worker-program.ts'
import { type PipelineFailure, type PipelineRun, silentObserver } from '../../../src/observer.ts'
import { chainOf, storeMessages, TABLE } from '../../support/analytics/derivations.ts'
import { duckdb, rowsOf } from '../../support/analytics/duckdb.ts'
import { WITHOUT_DUCKDB } from '../../support/analytics/opened-instance.ts'
import { temporaryDirectory } from '../../support/disk/disk-stores.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const skip = WITHOUT_DUCKDB
const MESSAGES = 16
const PIPELINE = 'clean'
/** A fault of a native library would do the same to the process that loads it. */
const CRASHING = `
import { existsSync } from 'node:fs'
import { join } from 'node:path'
const corrected = join(import.meta.dirname, 'corrected')
export const handler = ([message]) => {
  if (message.signal && !existsSync(corrected)) {
    process.kill(process.ppid, message.signal)
    return new Promise(() => {})
  }
  return [message]
}`
const DEADLY = new Map([
  [5, 'SIGKILL'],
  [6, 'SIGSEGV'],
  [15, 'SIGABRT'],
])

async function startFeeds(t: TestContext) {
  const directory = await temporaryDirectory(t)
  const messages = Array.from({ length: MESSAGES }, (_, n) => {
    return { payload: JSON.stringify({ n, signal: DEADLY.get(n) }) }
  })
  const logId = await storeMessages(directory, messages)
  const module = join(directory, 'crashing.mjs')
  await writeFile(module, CRASHING)
  const jobs = new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: 1024 ** 3,
    niceness: 0,
    idleMs: 60_000,
  })
  const lambda = { name: 'l', lambdaName: 'crash', batchSize: 1 }
  const runs: PipelineRun[] = []
  const reported: number[] = []
  const defined = { activities: chainOf([{ lambda }]) }
  const clock = new ManualClock()
  const options = {
    directory,
    jobs,
    clock,
    connectorId: 'c1',
    longestQueryMs: 60_000,
    maxBytes: 1_000_000_000,
    intervalMs: 0,
    settings: { functions: { crash: { module } }, maxFailureBytes: 1_000_000 },
    datastore: () => datastoreDefinition.parse({}),
    noRoom: async () => undefined,
    random: () => 0.5,
    log: () => ({ logId, start: 0, committed: MESSAGES, offsetAt: async () => 0 }),
    observer: {
      ...silentObserver,
      pipelineRan: (_: string, run: PipelineRun) => void runs.push(run),
      pipelineFailed: (_: string, { count }: PipelineFailure) => void reported.push(count),
    },
  }
  const pipelines = () => [
    { name: PIPELINE, createdAt: 1, definition: { pipelineActivities: defined.activities } },
  ]
  const feeds = new DatastoreFeeds({
    ...options,
    pipelines,
    keeping: new DatastoreKeeping(options),
  })
  t.after(async () => {
    await feeds.close()
    await jobs.close()
  })
  const failures = async () => {
    const found: { n: number; reason: string }[] = []
    for await (const file of readFailures(directory, PIPELINE)) {
      if (!('failures' in file)) assert.fail('the failures are damaged')
      for (const { payload, reason } of file.failures) {
        found.push({ n: JSON.parse(payload.toString()).n, reason })
      }
    }
    return found
  }
  const connection = await duckdb(t)
  const stored = async () => {
    const { files } = await listTable(directory, TABLE)
    const paths = files.map(({ path }) => `'${join(tableDirectory(directory, TABLE), path)}'`)
    const source = `read_parquet([${paths.join(', ')}], hive_partitioning = false)`
    const rows = await rowsOf(connection, `SELECT "offset" FROM ${source} ORDER BY "offset"`)
    return rows.map((row) => Number(row['offset']))
  }
  const reprocess = async () => {
    const id = await feeds.startReprocessing(PIPELINE, { from: undefined, until: undefined })
    for (let check = 0; check < 200; check++) {
      await feeds.check()
      const run = feeds.reprocessings(PIPELINE).find((one) => one.id === id)
      if (run?.status !== 'RUNNING') return run?.status
      clock.advance(600_000)
    }
    return assert.fail('the reprocessing does not end')
  }
  const correct = () => writeFile(join(directory, 'corrected'), '')
  return { feeds, runs, reported, defined, failures, stored, reprocess, correct }
}

const all = Array.from({ length: MESSAGES }, (_, n) => n)
const healthy = all.filter((n) => !DEADLY.has(n))

test('messages that end the worker process are kept as failed, and the others are stored once', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const { feeds, runs, reported, failures, stored, reprocess, correct } = await startFeeds(t)

  await feeds.catchUp(['readings'], new AbortController().signal)

  assert.deepEqual(await stored(), healthy)
  const kept = await failures()
  assert.deepEqual(
    kept.map(({ n }) => n),
    [...DEADLY.keys()],
  )
  for (const { n, reason } of kept) {
    assert.match(reason, new RegExp(`no process .* came to an end: .*${DEADLY.get(n)}`))
  }
  const sumOf = (count: 'messages' | 'gap') => runs.reduce((sum, run) => sum + run[count], 0)
  assert.deepEqual([sumOf('messages'), sumOf('gap')], [MESSAGES, 0])
  assert.deepEqual(reported, [1, 1, 1])

  await correct()
  assert.equal(await reprocess(), 'SUCCEEDED')

  assert.deepEqual(await stored(), all)
  assert.deepEqual(await failures(), [])
})

test('a message that ends the process when it is processed again leaves no row of before', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const { feeds, defined, failures, stored, reprocess } = await startFeeds(t)
  const { activities } = defined
  defined.activities = chainOf([])
  await feeds.catchUp(['readings'], new AbortController().signal)
  assert.deepEqual(await stored(), all)

  defined.activities = activities
  assert.equal(await reprocess(), 'SUCCEEDED')

  assert.deepEqual(await stored(), healthy)
  const kept = await failures()
  assert.deepEqual(
    kept.map(({ n }) => n),
    [...DEADLY.keys()],
  )
})
