/**
 * What queries cost, in CPU of the process that runs them: over a channel's files, over rows that are
 * in no file yet, and beside DuckDB's own reading of JSON lines and SQLite. All take turns.
 *
 *     npm run bench:queries
 *     npm run bench:queries -- --messages 3000000 --rounds 5
 *     npm run bench:queries -- --json FILE
 *     npm run bench:queries -- --smoke                   seconds, to see that it runs
 *
 * SQLite is the one of `python3`; without it, its figures are left out.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { QueryRunner } from '../src/analytics/query/query-runner.ts'
import { storedRows } from '../src/analytics/rows/stored-range.ts'
import { WorkerProcess } from '../src/analytics/worker/worker-process.ts'
import { WORKER_PROGRAM } from '../src/analytics/worker-program.ts'
import { createConnector } from '../src/index.ts'
import { median, spread } from './support/percentiles.ts'
import { cpuSecondsOf, rssBytesOf } from './support/process-cost.ts'
import { writeReport } from './support/report.ts'

const { values: flags } = parseArgs({
  options: {
    messages: { type: 'string', default: '500000' },
    tail: { type: 'string', default: '60000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const MESSAGES = flags.smoke ? 20_000 : Number(flags.messages)
const TAIL = flags.smoke ? 5_000 : Number(flags.tail)
const ROUNDS = flags.smoke ? 1 : Number(flags.rounds)
const MEBIBYTE = 1024 ** 2
/** The system counts CPU in steps of 10 ms. */
const REPEATS = 10
const IN_FLIGHT = 2_000
const ROWS_PER_JOB = 200_000
const FILES_CHANNEL = 'converted'
const TAIL_CHANNEL = 'waiting'

const AVERAGE = `select device, avg(temp) as mean, count(*) as n from %s where temp > 22
  group by device order by device`

/** The same for every run, and without a pattern that would compress well. */
function mixed(index: number): number {
  const spread = Math.imul(index ^ (index >>> 15), 0x2c1b3c6d)
  return Math.imul(spread ^ (spread >>> 12), 0x297a2d39) >>> 0
}

/** 134 bytes of JSON on average, of 200 devices of 5 kinds; 1 % with a field of another type. */
function payloadOf(index: number): string {
  const device = index % 200
  const kind = device % 5
  const chance = mixed(index)
  const temp = 20 + (chance % 1000) / 100
  const drifts = index % 100 === 0
  const common = `{"device":"device-${device}","seq":${index},"temp":${drifts ? `"${temp}"` : temp}`
  const phases = kind > 2 ? `,"phase":{"l1":${chance % 2311},"l2":${chance % 2297}}` : ''
  const more = kind > 0 ? `,"humidity":${(chance % 997) / 10},"ok":${chance % 3 === 0}` : ''
  return `${common}${phases}${more},"state":"running","level":${chance % 4099},"line":${kind}}`
}

async function fill(directory: string): Promise<void> {
  const connector = await createConnector({
    storage: { directory, maxBytes: '4GiB', historyBytes: '3GiB' },
    sources: { mqttServer: { port: 0 } },
    http: false,
    log: { level: 'silent' },
  })
  await connector.start()
  let waiting: Promise<void>[] = []
  const publish = async (channel: string, index: number) => {
    waiting.push(connector.publish(channel, payloadOf(index)))
    if (waiting.length < IN_FLIGHT) return
    await Promise.all(waiting)
    waiting = []
  }
  for (let index = 0; index < MESSAGES; index++) await publish(FILES_CHANNEL, index)
  for (let index = 0; index < TAIL; index++) await publish(TAIL_CHANNEL, index)
  await Promise.all(waiting)
  await connector.stop()
}

async function writeLines(file: string): Promise<void> {
  const out = createWriteStream(file)
  for (let index = 0; index < MESSAGES; index++) {
    if (!out.write(`${payloadOf(index)}\n`)) {
      await once(out, 'drain')
    }
  }
  out.end()
  await finished(out)
}

function newWorker(): WorkerProcess {
  return new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: 1024 * MEBIBYTE,
    niceness: 0,
    idleMs: 60_000,
  })
}

async function convert(directory: string): Promise<Record<string, number>> {
  const worker = newWorker()
  const { logId = '', end = 0 } = (await storedRows(directory, FILES_CHANNEL)) ?? {}
  const request = { directory, channel: FILES_CHANNEL, connectorId: 'bench', logId }
  let bytes = 0
  // The first job also starts the process.
  const first = Math.floor(end / 10)
  await worker.run('convert', { ...request, from: 0, to: first })
  const before = cpuSecondsOf(worker.pid ?? 0)
  for (let from = first; from < end; from += ROWS_PER_JOB) {
    const to = Math.min(end, from + ROWS_PER_JOB)
    const result = (await worker.run('convert', { ...request, from, to })) as { bytes: number }
    bytes += result.bytes
  }
  const rows = end - first
  const cpuMicroseconds = ((cpuSecondsOf(worker.pid ?? 0) - before) * 1e6) / rows
  const paths = await filesOf(worker, directory)
  await worker.close()
  return { cpuMicroseconds, bytesPerMessage: bytes / rows, files: paths }
}

/** The number of files that a query reads. */
async function filesOf(worker: WorkerProcess, directory: string): Promise<number> {
  return (await ask(worker, directory, `select count(*) from ${FILES_CHANNEL}`)).files
}

async function ask(worker: WorkerProcess, directory: string, sql: string) {
  const limits = {
    memory: 1024 * MEBIBYTE,
    timeout: 600_000,
    maxTemporaryBytes: 1024 * MEBIBYTE,
    maxResultBytes: 1024 * MEBIBYTE,
    maxRunning: 1,
  }
  const runner = new QueryRunner({ limits, worker, directory })
  const question = { sql, format: 'csv' as const }
  const { signal } = new AbortController()
  let firstPartAt = 0
  const began = performance.now()
  const onPart = () => {
    firstPartAt ||= performance.now()
  }
  const summary = await runner.run(question, { signal, onPart })
  return { ...summary, firstPartMs: firstPartAt - began }
}

/** CPU milliseconds and wall milliseconds of a query in a process that is there already. */
async function warm(worker: WorkerProcess, directory: string, sql: string) {
  const before = cpuSecondsOf(worker.pid ?? 0)
  const began = performance.now()
  for (let repeat = 0; repeat < REPEATS; repeat++) await ask(worker, directory, sql)
  return {
    cpuMs: ((cpuSecondsOf(worker.pid ?? 0) - before) * 1000) / REPEATS,
    ms: (performance.now() - began) / REPEATS,
  }
}

async function overJsonLines(file: string): Promise<number> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  const table = `(select device, try_cast(temp as double) as temp from
    read_json('${file}', format = 'newline_delimited', sample_size = 20000, ignore_errors = true))`
  const before = process.cpuUsage()
  await connection.runAndReadAll(AVERAGE.replace('%s', table))
  const { user, system } = process.cpuUsage(before)
  connection.closeSync()
  return (user + system) / 1000
}

const SQLITE = `
import json, os, resource, sqlite3, sys
lines, database, sql = sys.argv[1:4]
connection = sqlite3.connect(database)
if not os.path.getsize(database):
    connection.execute('create table messages (id integer primary key, payload text)')
    with open(lines) as file:
        connection.executemany('insert into messages (payload) values (?)', ((line,) for line in file))
    connection.commit()
def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
before = used()
connection.execute(sql).fetchall()
print((used() - before) * 1000)
`

function overSqlite(lines: string, database: string): number | undefined {
  const table = `(select json_extract(payload, '$.device') as device,
    json_extract(payload, '$.temp') as temp from messages)`
  const sql = AVERAGE.replace('%s', table)
  const { status, stdout } = spawnSync('python3', ['-c', SQLITE, lines, database, sql], {
    encoding: 'utf8',
  })
  return status === 0 ? Number(stdout) : undefined
}

interface Round {
  readonly averageMs: number
  readonly jsonLinesMs: number
  readonly sqliteMs: number | undefined
  readonly tailMicrosecondsPerRow: number
  readonly newestMs: number
  readonly countMs: number
  readonly coldFirstRowMs: number
  readonly rssMegabytes: number
}

async function measure(directory: string, lines: string, database: string): Promise<Round> {
  const cold = newWorker()
  const newest = `select * from ${FILES_CHANNEL} where "offset" >= ${MESSAGES - 100}`
  const { firstPartMs: coldFirstRowMs } = await ask(cold, directory, newest)
  await cold.close()

  const worker = newWorker()
  const average = AVERAGE.replace('%s', FILES_CHANNEL)
  await ask(worker, directory, average)
  await ask(worker, directory, AVERAGE.replace('%s', TAIL_CHANNEL))
  const ours = await warm(worker, directory, average)
  const jsonLinesMs = await overJsonLines(lines)
  const sqliteMs = overSqlite(lines, database)
  const tail = await warm(worker, directory, AVERAGE.replace('%s', TAIL_CHANNEL))
  const last = await warm(worker, directory, newest)
  const count = await warm(worker, directory, `select count(*) from ${FILES_CHANNEL}`)
  const rssMegabytes = rssBytesOf(worker.pid ?? 0) / 1e6
  await worker.close()
  return {
    averageMs: ours.cpuMs,
    jsonLinesMs,
    sqliteMs,
    tailMicrosecondsPerRow: (tail.cpuMs * 1000) / TAIL,
    newestMs: last.cpuMs,
    countMs: count.cpuMs,
    coldFirstRowMs,
    rssMegabytes,
  }
}

function summary(rounds: readonly Round[]) {
  const names = Object.keys(rounds[0] ?? {}) as (keyof Round)[]
  return Object.fromEntries(
    names.map((name) => {
      const values = rounds.flatMap((round) => round[name] ?? [])
      return [name, { median: median(values), spread: spread(values) }]
    }),
  )
}

const directory = await mkdtemp(join(tmpdir(), 'queries-bench-'))
try {
  console.log(`writing ${MESSAGES + TAIL} messages`)
  const data = join(directory, 'data')
  const lines = join(directory, 'messages.jsonl')
  await fill(data)
  await writeLines(lines)
  console.log('converting')
  const conversion = await convert(data)
  console.log(conversion)
  const rounds: Round[] = []
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push(await measure(data, lines, join(directory, 'messages.sqlite')))
    console.log(rounds.at(-1))
  }
  const ratios = {
    jsonLines: median(rounds.map((round) => round.jsonLinesMs / round.averageMs)),
    sqlite: median(rounds.map((round) => (round.sqliteMs ?? Number.NaN) / round.averageMs)),
  }
  console.log(ratios)
  writeReport(flags.json, {
    messages: MESSAGES,
    tail: TAIL,
    conversion,
    ...summary(rounds),
    ratios,
  })
} finally {
  await rm(directory, { recursive: true, force: true })
}
