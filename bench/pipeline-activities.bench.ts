/**
 * What a message costs on its way through a pipeline's activities, from the payload's bytes to those
 * for the data store, without functions and lookups.
 *
 *     npx tsc -p tsconfig.json && node build/bench/pipeline-activities.bench.js [--rounds 9]
 *       [--messages 100000] [--json FILE]
 *
 * Prints for each pipeline the CPU time per message, as median and range over interleaved rounds,
 * beside `JSON.parse` and `JSON.stringify` of the same payloads, which no pipeline can do without.
 */
import { parseArgs } from 'node:util'
import { makePipeline } from '../src/analytics/pipelines/pipeline.ts'
import { writeReport } from './support/report.ts'

const BATCH_MESSAGES = 100

type Members = Record<string, unknown>

const threshold = { filter: { filter: 'temp > 20 AND hum < 95' } }
const fahrenheit = { math: { attribute: 'tempF', math: 'temp * 9.0 / 5.0 + 32' } }
const flatten = {
  addAttributes: { attributes: { 'device.id': 'id', 'device.coord[0]': 'lat' } },
}

const PIPELINES: Readonly<Record<string, readonly Record<string, Members>[]>> = {
  filter: [threshold],
  'filter, math, selectAttributes': [
    threshold,
    fahrenheit,
    { selectAttributes: { attributes: ['device.id', 'temp', 'tempF', 'hum', 'time'] } },
  ],
  'filter, math, addAttributes': [threshold, fahrenheit, flatten],
  'filter, addAttributes, removeAttributes': [
    threshold,
    flatten,
    { removeAttributes: { attributes: ['device', 'seq'] } },
  ],
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    messages: { type: 'string', default: '100000' },
    json: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const batches = Math.ceil(Number(values.messages) / BATCH_MESSAGES)

type Run = (batch: readonly { payload: Buffer }[]) => unknown

/** By name: what is run, on messages whose time has these digits more. */
const cases: Record<string, readonly [run: Run, digits: string]> = {
  'JSON.parse and JSON.stringify': [
    (batch) =>
      batch.map(({ payload }) => Buffer.from(JSON.stringify(JSON.parse(payload.toString())))),
    '',
  ],
}
for (const [name, activities] of Object.entries(PIPELINES)) {
  const pipeline = makePipeline(definitionOf(activities), {
    functions: { invoke: () => Promise.reject(new Error('no function is called')) },
  })
  const run: Run = (batch) => pipeline.run(batch)
  cases[name] = [run, '']
  // Integers that a number cannot hold are read and written another way.
  if (activities.length === 3) cases[`${name}; nanoseconds`] = [run, '123456']
}

const samples = new Map(Object.keys(cases).map((name) => [name, [] as number[]]))
// The first round warms up and does not count.
for (let round = -1; round < rounds; round++) {
  for (const [name, [run, digits]] of Object.entries(cases)) {
    const microseconds = await measure(run, digits)
    if (round >= 0) samples.get(name)?.push(microseconds)
  }
}

const results = [...samples].map(([name, sample]) => {
  const sorted = sample.map((value) => Math.round(value * 100) / 100).sort((a, b) => a - b)
  return { name, median: sorted[rounds >> 1], min: sorted[0], max: sorted.at(-1) }
})
console.table(results)
writeReport(values.json, { bench: 'pipeline-activities', cpuMicrosecondsPerMessage: results })

async function measure(run: Run, digits: string): Promise<number> {
  const messages = Array.from({ length: BATCH_MESSAGES }, (_, i) => ({
    payload: payloadOf(i, digits),
  }))
  const before = process.cpuUsage()
  for (let batch = 0; batch < batches; batch++) await run(messages)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / (batches * BATCH_MESSAGES)
}

/** About 150 bytes of JSON, with a nested object. */
function payloadOf(i: number, digits: string): Buffer {
  return Buffer.from(
    `{"device":{"id":"press_${100 + i}","coord":[47.6152543,-122.3354883]},"temp":${20 + (i % 30)}.5,"hum":${10 + (i % 80)},"time":1764410400${100 + i}${digits},"seq":${1_000 + i},"state":"run"}`,
  )
}

function definitionOf(activities: readonly Record<string, Members>[]): object {
  const all = [
    { channel: { channelName: 'c' } },
    ...activities,
    { datastore: { datastoreName: 'd' } },
  ]
  const pipelineActivities = all.map((activity, i) => {
    const [kind = '', members] = Object.entries(activity)[0] ?? []
    const next = i === all.length - 1 ? {} : { next: `a${i + 1}` }
    return { [kind]: { name: `a${i}`, ...members, ...next } }
  })
  return { pipelineName: 'p', pipelineActivities }
}
