/**
 * What delivery costs without a network: reading committed messages from the log on disk, leasing
 * them, writing the request body, settling, packing the receipts. CPU µs per message, by batches of
 * 100 and of 5, with ids of 11 characters, for payloads of 100 and 1,000 bytes.
 *
 *     npx tsc -p tsconfig.json && node build/bench/delivery.bench.js [--rounds 5]
 *       [--against <build directory of another version>]
 *
 * Prints JSON: the median and the range over rounds of each build. If two builds are compared, each
 * has one process and their rounds alternate.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { DeliveryRig } from './support/delivery-rig.ts'
import { median } from './support/percentiles.ts'

const LOADS = [100, 1000].flatMap((payloadBytes) =>
  [100, 5].map((batchMessages) => ({ payloadBytes, batchMessages })),
)
type Load = (typeof LOADS)[number]

const ROUND_MESSAGES = 100_000

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, against: { type: 'string' } },
  })
  const builds = [resolve(import.meta.dirname, '..'), ...[values.against ?? []].flat()]
  const processes = builds.map((build) => start(resolve(build)))
  const samples = new Map<string, number[]>()
  // The first round warms up and does not count.
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const load of LOADS) {
      for (const [index, process] of processes.entries()) {
        const name = index === 0 ? 'this' : 'other'
        const key = `${name}: ${load.payloadBytes} bytes by ${load.batchMessages}`
        const micros = await measureIn(process, load)
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), micros])
      }
    }
  }
  for (const process of processes) process.kill()
  const results = [...samples].map(([name, all]) => {
    const range = [Math.min(...all), Math.max(...all)]
    return { name, cpuMicrosecondsPerMessage: { median: median(all), range } }
  })
  console.log(JSON.stringify({ bench: 'delivery', results }, null, 2))
}

function start(build: string): ChildProcess {
  return fork(import.meta.filename, { env: { ...process.env, BENCH_BUILD: build } })
}

async function measureIn(process: ChildProcess, load: Load): Promise<number> {
  process.send(load)
  const [micros] = (await once(process, 'message')) as [number]
  return micros
}

async function measure(build: string, { payloadBytes, batchMessages }: Load): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'delivery-bench-'))
  const rig = await DeliveryRig.open({ build, directory, batchMessages })
  try {
    return await rig.measure(ROUND_MESSAGES, payloadBytes)
  } finally {
    await rig.close()
    await rm(directory, { recursive: true, force: true })
  }
}

const build = process.env['BENCH_BUILD']
if (build === undefined) await main()
else
  process.on(
    'message',
    (load: Load) => void measure(build, load).then((micros) => process.send?.(micros)),
  )
