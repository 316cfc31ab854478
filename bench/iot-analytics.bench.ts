/**
 * What a message costs on its way into BatchPutMessage: the destination compared with the AWS SDK's
 * own client, in full batches of 100 and in the specification's default of 5.
 *
 *     npx tsc -p tsconfig.json && node build/bench/iot-analytics.bench.js [--rounds 5] [--seconds 2]
 *       [--payloads 100,1000] [--batches 100,5] [--channels 4,1] [--schemes http,https]
 *       [--against <build directory of another version>] [--only destination,before]
 *
 * Prints one JSON object: per client and load the CPU time (user and system, all threads of the
 * client's process) per message and the rate, as median and range over interleaved rounds, and with
 * `--against` the ratio of this version to the other, round by round. Every client and the server
 * are processes of their own. Pin them to a core each (`taskset`) for figures worth comparing.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { answerMeasurements, type Load, type Sample, type SenderKind } from './support/put-load.ts'
import { makeCertificate, type PutServerPorts, servePuts } from './support/put-server.ts'

interface Sender {
  readonly name: string
  readonly process: ChildProcess
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      payloads: { type: 'string', default: '100' },
      batches: { type: 'string', default: '100,5' },
      channels: { type: 'string', default: '4' },
      schemes: { type: 'string', default: 'http' },
      against: { type: 'string' },
      only: { type: 'string' },
    },
  })
  const certificate = makeCertificate()
  const server = start({ BENCH_SERVER: JSON.stringify(certificate) })
  const [ports] = (await once(server, 'message')) as [PutServerPorts]
  const own = resolve(import.meta.dirname, '..')
  const before = values.against === undefined ? [] : [resolve(values.against)]
  const kinds: readonly (readonly [name: string, kind: SenderKind, build: string])[] = [
    ['destination', 'destination', own] as const,
    ...before.map((build) => ['before', 'destination', build] as const),
    ['SDK client', 'sdk', own] as const,
  ].filter(([name]) => values.only?.split(',').includes(name) ?? true)
  const senders = kinds.map(([name, kind, build]): Sender => {
    const environment = { BENCH_SENDER: JSON.stringify({ kind, build }), NODE_NO_WARNINGS: '1' }
    return {
      name,
      process: start({ ...environment, NODE_EXTRA_CA_CERTS: certificate.certificate }),
    }
  })
  const loads = loadsOf(values, ports)
  const samples = new Map<string, Sample[]>()

  // The first round warms up and does not count.
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const load of loads) {
      for (const sender of round % 2 === 0 ? senders : [...senders].reverse()) {
        const sample = await measure(sender, load)
        const key = `${sender.name}, ${nameOf(load)}`
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), sample])
      }
    }
  }

  for (const { process } of [...senders, { process: server }]) process.kill()
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`
  const results = [...samples].map(([name, all]) => ({
    name,
    cpuMicrosecondsPerMessage: summary(all.map((sample) => sample.cpuMicroseconds)),
    messagesPerSecond: summary(all.map((sample) => sample.messagesPerSecond)),
  }))
  const ratios = values.against === undefined ? {} : { ratios: ratiosOf(loads, samples) }
  console.log(JSON.stringify({ bench: 'iot-analytics', machine, results, ...ratios }, null, 2))
}

function loadsOf(
  values: Record<'payloads' | 'batches' | 'channels' | 'schemes' | 'seconds', string>,
  ports: PutServerPorts,
): Load[] {
  const numbers = (list: string) => list.split(',').map(Number)
  const durationMs = Number(values.seconds) * 1_000
  return values.schemes.split(',').flatMap((scheme) => {
    const url = `${scheme}://127.0.0.1:${scheme === 'https' ? ports.https : ports.http}`
    return numbers(values.payloads).flatMap((payloadBytes) =>
      numbers(values.batches).flatMap((batchMessages) =>
        numbers(values.channels).map((channels) => {
          return { url, payloadBytes, batchMessages, channels, durationMs }
        }),
      ),
    )
  })
}

function nameOf({ url, payloadBytes, batchMessages, channels }: Load): string {
  const scheme = url.slice(0, url.indexOf(':'))
  return `${scheme}, ${payloadBytes} bytes, batches of ${batchMessages}, ${channels} at once`
}

async function measure(sender: Sender, load: Load): Promise<Sample> {
  sender.process.send(load)
  const [sample] = (await once(sender.process, 'message')) as [Sample]
  return sample
}

function start(environment: Record<string, string>): ChildProcess {
  return fork(import.meta.filename, [], { env: { ...process.env, ...environment } })
}

function ratiosOf(loads: readonly Load[], samples: ReadonlyMap<string, readonly Sample[]>) {
  return loads.map((load) => {
    const before = samples.get(`before, ${nameOf(load)}`) ?? []
    const after = samples.get(`destination, ${nameOf(load)}`) ?? []
    const ratios = after.map((sample, round) => {
      return sample.cpuMicroseconds / (before[round]?.cpuMicroseconds ?? Number.NaN)
    })
    return { name: nameOf(load), cpu: summary(ratios) }
  })
}

function summary(values: readonly number[]): { median: number; min: number; max: number } {
  const sorted = values.map((value) => Number(value.toPrecision(3))).sort((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? Number.NaN
  return { median: at(sorted.length >> 1), min: at(0), max: at(sorted.length - 1) }
}

const { BENCH_SERVER, BENCH_SENDER } = process.env
if (BENCH_SERVER !== undefined) await servePuts(JSON.parse(BENCH_SERVER))
else if (BENCH_SENDER !== undefined) answerMeasurements(JSON.parse(BENCH_SENDER))
else await main()
