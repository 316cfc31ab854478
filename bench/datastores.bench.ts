/**
 * What a message costs on its way from the log through a pipeline of three activities into the
 * Parquet files of a datastore, beside the conversion of the same messages into the files of the
 * channel.
 *
 *     npx tsc -p tsconfig.json && node build/bench/datastores.bench.js [--rounds 5]
 *       [--messages 300000] [--json FILE]
 *
 * Prints the CPU time per message of the whole process, as median and range over interleaved rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run as derive } from '../src/analytics/datastores/jobs/derive-job.ts'
import { run as convert } from '../src/analytics/tables/jobs/convert-job.ts'
import { CHANNEL, chainOf, storeMessages } from '../test/support/analytics/derivations.ts'
import { writeReport } from './support/report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '300000' },
    json: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const count = Number(values.messages)

const activities = chainOf([
  { filter: { name: 'hot', filter: 'temp > 20 AND hum < 95' } },
  { math: { name: 'f', attribute: 'tempF', math: 'temp * 9.0 / 5.0 + 32' } },
  { addAttributes: { name: 'flat', attributes: { 'device.id': 'id', 'device.coord[0]': 'lat' } } },
])
const directory = await mkdtemp(join(tmpdir(), 'bench-datastores-'))
const job = { signal: new AbortController().signal, emit: async () => {} }
const connectorId = 'bench'
const messages = Array.from({ length: count }, (_, i) => ({ payload: payloadOf(i) }))
const logId = await storeMessages(directory, messages)

const ways = {
  'pipeline of three activities into a datastore': async (from: number) => {
    const derivation = { directory, connectorId, channel: CHANNEL, logId, from, to: count }
    const pipeline = { datastore: 'readings', pipeline: 'clean', activities }
    const settings = { functions: {}, maxFailureBytes: 1_000_000 }
    return derive({ derivation: { ...derivation, ...pipeline }, settings }, job)
  },
  'conversion of the channel': (from: number) =>
    convert({ directory, connectorId, channel: CHANNEL, logId, from, to: count }, job),
}

const samples = new Map(Object.keys(ways).map((name) => [name, [] as number[]]))
try {
  // The first round warms up and does not count.
  for (let round = -1; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const microseconds = await measure(way)
      if (round >= 0) samples.get(name)?.push(microseconds)
    }
  }
} finally {
  await rm(directory, { recursive: true, force: true })
}
const results = [...samples].map(([name, sample]) => {
  const sorted = sample.map((value) => Math.round(value * 100) / 100).sort((a, b) => a - b)
  return { name, median: sorted[rounds >> 1], min: sorted[0], max: sorted.at(-1) }
})
console.table(results)
writeReport(values.json, {
  bench: 'datastores',
  messages: count,
  cpuMicrosecondsPerMessage: results,
})

async function measure(way: (from: number) => Promise<{ readonly to: number }>): Promise<number> {
  for (const name of ['datastores', 'tables']) {
    await rm(join(directory, name), { recursive: true, force: true })
  }
  const before = process.cpuUsage()
  for (let from = 0; from < count; ) from = (await way(from)).to
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

/** About 150 bytes of JSON, with a nested object. */
function payloadOf(i: number): string {
  return `{"device":{"id":"press_${100 + (i % 100)}","coord":[47.6152543,-122.3354883]},"temp":${21 + (i % 30)}.5,"hum":${10 + (i % 80)},"time":${1764410400000 + i * 20},"seq":${1_000 + i},"state":"run"}`
}
