/**
 * What a function costs: messages of some 150 bytes through a `lambda` activity whose function
 * returns them as they are, by `batchSize`.
 *
 *     npx tsc -p tsconfig.json && node build/bench/pipeline-functions.bench.js [--rounds 5]
 *       [--messages 20000] [--json FILE]
 *
 * Prints the time per message, as median and range over interleaved rounds. Calls are made one after
 * the other, so this is the throughput of one pipeline.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { lambda } from '../src/analytics/pipelines/activities/lambda.ts'
import { LocalFunctions } from '../src/analytics/pipelines/functions/local-functions.ts'
import { runMessages } from '../src/analytics/pipelines/message-run.ts'
import { systemClock } from '../src/clock.ts'
import { writeReport } from './support/report.ts'

const BATCH_SIZES = [1, 10, 100, 1_000]
const RUN_MESSAGES = 1_000
const ECHO = `
const lines = require('readline').createInterface({ input: process.stdin })
lines.on('line', (line) => console.log(line))`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '20000' },
    json: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const runs = Math.ceil(Number(values.messages) / RUN_MESSAGES)

const directory = await mkdtemp(join(tmpdir(), 'pipeline-functions-'))
const module = join(directory, 'same.mjs')
await writeFile(module, 'export const handler = (event) => event\n')
const functions = new LocalFunctions({
  functions: { module: { module }, command: { command: [process.execPath, '-e', ECHO] } },
  clock: systemClock,
  onLog: (name, line) => console.error(`${name}: ${line}`),
})
const inputs = Array.from({ length: RUN_MESSAGES }, (_, i) => ({ payload: payloadOf(i) }))
const cases = ['module', 'command'].flatMap((lambdaName) =>
  BATCH_SIZES.map((batchSize) => ({ lambdaName, batchSize, sample: [] as number[] })),
)
try {
  // The first round starts the processes and does not count.
  for (let round = -1; round < rounds; round++) {
    for (const { lambdaName, batchSize, sample } of cases) {
      const activity = lambda({ name: 'l', lambdaName, batchSize, functions })
      const start = performance.now()
      for (let run = 0; run < runs; run++) {
        const { stored } = await runMessages(inputs, [activity], 'out')
        if (stored.length !== RUN_MESSAGES) throw new Error(`${stored.length} were stored`)
      }
      const microseconds = ((performance.now() - start) * 1_000) / (runs * RUN_MESSAGES)
      if (round >= 0) sample.push(microseconds)
    }
  }
} finally {
  await functions.close()
  await rm(directory, { recursive: true })
}

const results = cases.map(({ sample, ...about }) => {
  const sorted = sample.map((value) => Math.round(value * 10) / 10).sort((a, b) => a - b)
  return { ...about, median: sorted[rounds >> 1], min: sorted[0], max: sorted.at(-1) }
})
console.table(results)
writeReport(values.json, { bench: 'pipeline-functions', microsecondsPerMessage: results })

function payloadOf(i: number): Buffer {
  return Buffer.from(
    `{"device":{"id":"press_${100 + i}","coord":[47.6152543,-122.3354883]},"temp":${20 + (i % 30)}.5,"hum":${10 + (i % 80)},"time":1764410400${100 + (i % 900)},"seq":${1_000 + i},"state":"run"}`,
  )
}
