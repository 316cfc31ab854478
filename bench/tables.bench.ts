/**
 * What Parquet files of a channel cost: the converter, beside NDJSON written by Node that DuckDB
 * copies to Parquet with the same columns; and the bytes of a message in segments and in Parquet.
 *
 *     npx tsc -p tsconfig.json && node build/bench/tables.bench.js [--rounds 5] [--messages 500000]
 *       [--json FILE]
 *
 * Each way has a process of its own in each round, and they take turns. CPU time includes its start.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { textLiteral } from '../src/analytics/duckdb/sql-text.ts'
import { numberIn, rowsOf, withSession } from '../src/analytics/tables/jobs/session.ts'
import { channelTable, tableDirectory } from '../src/analytics/tables/table-location.ts'
import { draftOf } from '../test/support/channels/log-drafts.ts'
import { diskStore } from '../test/support/disk/disk-stores.ts'
import { median } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'
import { deviceMessages } from './tables/device-messages.ts'

const CHANNEL = 'plant'
const START = Date.parse('2026-11-29T10:00:00Z')
const COMMIT_MESSAGES = 2_000
const WAYS = ['converter', 'ndjson'] as const
const MICROSECONDS = 1e6
const MEBIBYTE = 1024 ** 2

interface Measured {
  readonly cpuSeconds: number
  readonly bytes: number
  readonly maxRssBytes: number
}

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '500000' },
    json: { type: 'string' },
  },
})
const count = Number(flags.messages)
const directory = await mkdtemp(join(tmpdir(), 'tables-bench-'))
try {
  await fill()
  const rounds: Record<(typeof WAYS)[number], Measured>[] = []
  for (let round = 0; round < Number(flags.rounds); round++) {
    rounds.push({ converter: measure('converter'), ndjson: measure('ndjson') })
  }
  const figures = await summaryOf(rounds)
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`)
  writeReport(flags.json, figures)
} finally {
  await rm(directory, { recursive: true, force: true })
}

async function fill(): Promise<void> {
  const store = diskStore({ directory, maxBytes: 2 ** 40, segmentBytes: 16 * MEBIBYTE })
  await store.open()
  const log = store.create(CHANNEL)
  let n = 0
  for (const message of deviceMessages(count)) {
    const topic = `devices/dev-${n % 200}/telemetry`
    log.append(draftOf(message, { topic, receivedAt: START + n, id: '' }))
    n++
    if (n % COMMIT_MESSAGES === 0) await store.commit()
  }
  await store.commit()
  await store.close()
}

function measure(way: string): Measured {
  const program = join(import.meta.dirname, 'tables', 'conversion-task.js')
  const output = execFileSync(process.execPath, [program, way, directory, CHANNEL])
  return JSON.parse(output.toString())
}

async function summaryOf(rounds: readonly Record<(typeof WAYS)[number], Measured>[]) {
  const ratios = rounds.map(({ converter, ndjson }) => converter.cpuSeconds / ndjson.cpuSeconds)
  const segmentBytes = await bytesOfSegments()
  const fileBytes = median(rounds.map(({ converter }) => converter.bytes))
  const withoutPayload = fileBytes - (await bytesOfPayloads())
  const ways = WAYS.map((way) => {
    const all = rounds.map((round) => round[way])
    return {
      way,
      cpuMicrosecondsPerMessage: (median(all.map((one) => one.cpuSeconds)) * MICROSECONDS) / count,
      maxRssMegabytes: Math.round(median(all.map((one) => one.maxRssBytes)) / MEBIBYTE),
    }
  })
  return {
    messages: count,
    rounds: rounds.length,
    ways,
    cpuRatio: { median: median(ratios), range: [Math.min(...ratios), Math.max(...ratios)] },
    bytesPerMessage: {
      segments: segmentBytes / count,
      parquet: fileBytes / count,
      withoutPayload: withoutPayload / count,
    },
    bytesRatio: fileBytes / segmentBytes,
    bytesRatioWithoutPayload: withoutPayload / segmentBytes,
  }
}

/** What the column `payload` takes in the files of the last round. */
async function bytesOfPayloads(): Promise<number> {
  const files = join(tableDirectory(directory, channelTable(CHANNEL)), '*', '[!.]*.parquet')
  const sql = `select sum(total_compressed_size) as bytes from parquet_metadata(${textLiteral(files)})
    where path_in_schema = 'payload'`
  const { signal } = new AbortController()
  return await withSession(signal, async (connection) => {
    const [row] = await rowsOf(connection, sql)
    return numberIn(row, 'bytes')
  })
}

async function bytesOfSegments(): Promise<number> {
  const channel = join(directory, 'channels', CHANNEL)
  let bytes = 0
  for (const name of await readdir(channel)) {
    if (name.endsWith('.log')) bytes += (await stat(join(channel, name))).size
  }
  return bytes
}
