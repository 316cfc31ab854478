/**
 * Queries while messages come in, and while rows become Parquet files: every message that was
 * acknowledged before a query began is in its result, none twice, and none that nobody has sent.
 * QUERY_ROUNDS says how many rounds, of several queries at the same time. Every hundred rounds begin
 * with an empty directory, so that queries stay quick, and their number high.
 */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { queryOptions } from '../../src/analytics/query/options.ts'
import { openQueries, type Queries } from '../../src/analytics/query/queries.ts'
import { storedRows } from '../../src/analytics/rows/stored-range.ts'
import { planCompaction } from '../../src/analytics/tables/compaction-plan.ts'
import { coverageOf, listTable } from '../../src/analytics/tables/table-listing.ts'
import { channelTable, tableDirectory } from '../../src/analytics/tables/table-location.ts'
import { WorkerProcess } from '../../src/analytics/worker/worker-process.ts'
import { WORKER_PROGRAM } from '../../src/analytics/worker-program.ts'
import type { Connector } from '../../src/index.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { mqttUrlOf, startConnector } from '../support/processes/running-connector.ts'
import { Random } from '../support/random.ts'

const ROUNDS = Number(process.env['QUERY_ROUNDS'] ?? 10)
const ROUNDS_OF_DIRECTORY = 100
/** They share a process. */
const QUERIES_AT_ONCE = 4
const PUBLISHERS = 3
const MAX_BURST = 100
/** Of one publisher. Its numbers are counted in a bitstring, as a hash table would not fit. */
const MAX_MESSAGES = 10_000_000
const CHANNEL = 'plant'
const TOPIC = `iotanalytics/channels/${CHANNEL}/messages/binary/put`
/** Its journal has small slots, so rows move to segments all the time. */
const MAX_BYTES = 256 * 1024 * 1024
/** As if the day were over: then even two files are made one. */
const TOMORROW_MS = 2 * 86_400_000

/** Messages of one publisher are numbered from 0. */
interface Publisher {
  readonly device: MqttClient
  sent: number
  acknowledged: number
}

async function publishersFor(t: TestContext, connector: Connector): Promise<Publisher[]> {
  return await Promise.all(
    Array.from({ length: PUBLISHERS }, async () => {
      const device = await connectAsync(mqttUrlOf(connector))
      t.after(() => device.endAsync(true))
      return { device, sent: 0, acknowledged: 0 }
    }),
  )
}

async function publishBurst(publisher: Publisher, name: number, random: Random): Promise<void> {
  const pending: Promise<unknown>[] = []
  for (let count = random.below(MAX_BURST); count >= 0; count--) {
    const payload = JSON.stringify({ publisher: name, n: publisher.sent++ })
    pending.push(publisher.device.publishAsync(TOPIC, payload, { qos: 1 }))
  }
  await Promise.all(pending)
  publisher.acknowledged = publisher.sent
}

/** A connector waits for longer than a query may take. */
const GRACE_COMPACTIONS = 4

/** Converts what there is, makes files one, and removes those that it made one some time before. */
class Tables {
  readonly #worker: WorkerProcess
  readonly #directory: string
  readonly #superseded: string[][] = []
  files = 0

  constructor(worker: WorkerProcess, directory: string) {
    this.#worker = worker
    this.#directory = directory
  }

  async step(): Promise<void> {
    const about = { directory: this.#directory, connectorId: 'c' }
    const table = channelTable(CHANNEL)
    const rows = await storedRows(this.#directory, CHANNEL)
    if (rows === undefined) return
    const { files } = await listTable(this.#directory, table)
    const from = Math.max(coverageOf(files, rows.logId).end, rows.first)
    if (from < rows.end) {
      const { logId, end: to } = rows
      await this.#worker.run('convert', { ...about, channel: CHANNEL, logId, from, to })
      this.files++
    }
    const group = planCompaction(files, Date.now() + TOMORROW_MS)
    if (group === undefined) return
    await this.#removeSuperseded()
    const paths = group.map(({ path }) => path)
    await this.#worker.run('compact', { ...about, table, paths })
    this.#superseded.push(paths)
  }

  async #removeSuperseded(): Promise<void> {
    const root = tableDirectory(this.#directory, channelTable(CHANNEL))
    if (this.#superseded.length < GRACE_COMPACTIONS) return
    for (const path of this.#superseded.shift() ?? []) await rm(join(root, path))
  }
}

/** Asks about each publisher's messages, and compares with what was acknowledged before. */
async function askAndCompare(queries: Queries, publishers: readonly Publisher[]): Promise<number> {
  const before = publishers.map(({ acknowledged }) => acknowledged)
  const known = before.map((count, name) => `when ${name} then ${count}`).join(' ')
  const sql =
    `select publisher, count(*) as rows, bit_count(bitstring_agg(n, 0, ${MAX_MESSAGES})) as different, max(n) as last, ` +
    `count(*) filter (n < case publisher ${known} end) as known from ${CHANNEL} group by all`
  const parts: Buffer[] = []
  const { signal } = new AbortController()
  const onPart = (part: Buffer) => void parts.push(Buffer.from(part))
  await queries.run({ sql, format: 'jsonl' }, { signal, onPart })
  const lines = Buffer.concat(parts).toString().split('\n').filter(Boolean)
  let rows = 0
  const found = new Map(lines.map((line) => [JSON.parse(line).publisher, JSON.parse(line)]))
  for (const [name, count] of before.entries()) {
    const row = found.get(name) ?? { rows: 0, different: 0, last: -1, known: 0 }
    assert.equal(row.known, count, `publisher ${name}: acknowledged messages in the result`)
    assert.equal(row.rows, row.different, `publisher ${name}: messages that are there twice`)
    assert.ok(row.last < (publishers[name]?.sent ?? 0), `publisher ${name}: never sent`)
    rows += row.rows
  }
  return rows
}

test('every acknowledged message is in a query, once', { skip: WITHOUT_DUCKDB }, async (t) => {
  for (let left = ROUNDS; left > 0; left -= ROUNDS_OF_DIRECTORY) {
    await runRounds(t, Math.min(left, ROUNDS_OF_DIRECTORY))
  }
})

async function runRounds(t: TestContext, count: number): Promise<void> {
  const connector = await startConnector(t, { storage: { maxBytes: MAX_BYTES } })
  const directory = String(connector.describe().dataDirectory)
  const limits = { ...queryOptions.parse({}), maxRunning: QUERIES_AT_ONCE }
  const queries = openQueries(directory, limits)
  const worker = new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: 512 * 1024 ** 2,
    niceness: 0,
    idleMs: 60_000,
  })
  const publishers = await publishersFor(t, connector)
  const tables = new Tables(worker, directory)
  const rounds = new EventEmitter()
  let isOver = false
  const inEachRound = async (step: () => Promise<void>) => {
    while (!isOver) {
      const next = once(rounds, 'begin')
      await step()
      await next
    }
  }
  await Promise.all(
    publishers.map((publisher, name) => publishBurst(publisher, name, new Random(1))),
  )
  const background = Promise.all([
    ...publishers.map((publisher, name) => {
      const random = new Random(name + 1)
      return inEachRound(() => publishBurst(publisher, name, random))
    }),
    inEachRound(() => tables.step()),
  ])

  try {
    for (let round = 0; round < count; round++) {
      rounds.emit('begin')
      const asked = Array.from({ length: QUERIES_AT_ONCE }, () =>
        askAndCompare(queries, publishers),
      )
      await Promise.all(asked)
    }
  } finally {
    isOver = true
    rounds.emit('begin')
    try {
      await background
    } finally {
      await queries.close()
      await worker.close()
    }
  }

  const sent = publishers.reduce((sum, publisher) => sum + publisher.sent, 0)
  t.diagnostic(`${count * QUERIES_AT_ONCE} queries, ${sent} messages, ${tables.files} files`)
  assert.equal(await openAndCount(directory, publishers), true)
  await Promise.all(publishers.map(({ device }) => device.endAsync(true)))
  await connector.stop()
}

/** After the last acknowledgement, the result has exactly what was sent. */
async function openAndCount(directory: string, publishers: readonly Publisher[]): Promise<boolean> {
  const queries = openQueries(directory, { ...queryOptions.parse({}), maxRunning: 1 })
  try {
    const rows = await askAndCompare(queries, publishers)
    return rows === publishers.reduce((sum, { sent }) => sum + sent, 0)
  } finally {
    await queries.close()
  }
}
