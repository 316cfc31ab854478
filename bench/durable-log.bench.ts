/**
 * What "acknowledged means on disk" costs: durable QoS 1 messages into 1, 10 and 50 channels,
 * PUBACK times at half of the highest rate, and a backlog through kill -9 and restart; beside
 * mosquitto, which queues the same load for an absent subscriber.
 *
 *     npm run bench:durable-log                              three rounds and a backlog of 1 GB
 *     npm run bench:durable-log -- --backlog 10e9            bytes of payload; 0: none
 *     npm run bench:durable-log -- --json FILE --rounds 5
 *     npm run bench:durable-log -- --smoke                   seconds, to see that it runs
 *
 * Nothing listens at our endpoint, so all messages stay. The server has one core, the generator the
 * other; rounds are interleaved.
 */
import { rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { subscribeAndLeave } from './support/absent-subscriber.ts'
import {
  type BacklogFigures,
  configWith,
  load,
  mosquittoBacklog,
  ourBacklog,
  temporaryDirectory,
} from './support/backlog.ts'
import { isInstalled, startMosquitto, versions } from './support/broker-process.ts'
import { ConnectorProcess, freePort } from './support/connector-process.ts'
import { median, spread } from './support/percentiles.ts'
import { cpuSecondsOf, rssBytesOf } from './support/process-cost.ts'
import { writeReport } from './support/report.ts'

const SERVER_CORE = 0
const GIBIBYTE = 1024 ** 3
const MEBIBYTE = 1024 ** 2

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    backlog: { type: 'string', default: '1e9' },
    payload: { type: 'string', default: '1000' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

interface Started {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

interface Scenario {
  readonly name: string
  readonly channels: number
  readonly messages: number
  readonly start: () => Promise<Started>
}

/** Mosquitto's defaults: the file is written every 30 minutes and at the end. */
const AUTOSAVE_RARELY = ['persistence true', 'autosave_interval 1800', 'autosave_on_changes false']
/** The closest it has to a durable PUBACK: the whole file is written again after 1,000 changes. */
const AUTOSAVE_OFTEN = ['persistence true', 'autosave_interval 1000', 'autosave_on_changes true']

const MESSAGES = flags.smoke ? 4000 : 400_000
const SCENARIOS: readonly Scenario[] = [
  ...[1, 10, 50].map((channels) => ({
    name: `ours, ${channels} channel${channels === 1 ? '' : 's'}`,
    channels,
    messages: MESSAGES,
    start: startOurs,
  })),
  ...(isInstalled('mosquitto')
    ? [
        {
          name: 'mosquitto, saved every 30 minutes',
          channels: 10,
          messages: MESSAGES / 4,
          start: () => startQueueing(AUTOSAVE_RARELY),
        },
        {
          name: 'mosquitto, saved every 1,000 changes',
          channels: 10,
          messages: MESSAGES / 20,
          start: () => startQueueing(AUTOSAVE_OFTEN),
        },
      ]
    : []),
]

async function startOurs(): Promise<Started> {
  const directory = await temporaryDirectory()
  const config = configWith(await freePort(), join(directory, 'data'), 4 * GIBIBYTE)
  const connector = await ConnectorProcess.start(config, SERVER_CORE)
  return {
    port: connector.port,
    pid: connector.pid,
    async stop() {
      await connector.stop('SIGKILL')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function startQueueing(config: readonly string[]): Promise<Started> {
  const broker = await startMosquitto(SERVER_CORE, config)
  await subscribeAndLeave(broker.port)
  return { port: broker.port, pid: broker.pid, stop: () => broker.stop('SIGKILL') }
}

interface Figures {
  readonly cpuMicroseconds: number
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly serverShare: number
  readonly rssMegabytes: number
  /** At half of `perSecond`. */
  readonly pubackP50Ms: number
  readonly pubackP99Ms: number
}

async function run({ channels, messages, start }: Scenario): Promise<Figures> {
  const server = await start()
  try {
    await load(server.port, { channels, messages: messages / 2 })
    const cpuBefore = cpuSecondsOf(server.pid)
    const result = await load(server.port, { channels, messages })
    const cpu = cpuSecondsOf(server.pid) - cpuBefore
    const perSecond = Math.round(result.messages / result.seconds)
    const rate = Math.ceil(perSecond / 2)
    const half = await load(server.port, { channels, messages, rate, window: 10_000 })
    return {
      cpuMicroseconds: Math.round((cpu * 1e8) / result.messages) / 100,
      perSecond,
      perCpuSecond: Math.round(result.messages / cpu),
      serverShare: Math.round((cpu * 100) / result.seconds) / 100,
      rssMegabytes: Math.round(rssBytesOf(server.pid) / MEBIBYTE),
      pubackP50Ms: half.pubackMs?.p50 ?? Number.NaN,
      pubackP99Ms: half.pubackMs?.p99 ?? Number.NaN,
    }
  } finally {
    await server.stop()
  }
}

async function backlogs(): Promise<Record<string, BacklogFigures>> {
  const bytes = flags.smoke ? 2e6 : Number(flags.backlog)
  if (bytes === 0) return {}
  const { bavail, bsize } = await statfs(process.env['BENCH_DIRECTORY'] ?? tmpdir())
  if (bavail * bsize < 4 * bytes) throw new Error(`too little disk for a backlog of ${bytes} bytes`)
  const options = { bytes, payloadBytes: Number(flags.payload), channels: 10 }
  const ours = await ourBacklog(options)
  process.stderr.write(`backlog  ours  ${JSON.stringify(ours)}\n`)
  if (!isInstalled('mosquitto')) return { ours }
  const mosquitto = await mosquittoBacklog(options, AUTOSAVE_RARELY)
  process.stderr.write(`backlog  mosquitto  ${JSON.stringify(mosquitto)}\n`)
  return { ours, mosquitto }
}

function summary(rounds: readonly Figures[]) {
  const medians: Record<string, number> = {}
  for (const key of Object.keys(rounds[0] ?? {}) as (keyof Figures)[]) {
    medians[key] = median(rounds.map((round) => round[key]))
  }
  return { ...medians, spread: spread(rounds.map((round) => round.cpuMicroseconds)) }
}

const roundCount = flags.smoke ? 1 : Number(flags.rounds)
const results = new Map<Scenario, Figures[]>(SCENARIOS.map((scenario) => [scenario, []]))
for (let round = 1; round <= roundCount; round++) {
  for (const [scenario, rounds] of results) {
    rounds.push(await run(scenario))
    process.stderr.write(`${round}  ${scenario.name}  ${JSON.stringify(rounds.at(-1))}\n`)
  }
}
const figures = {
  versions: versions(),
  rounds: roundCount,
  mosquitto: { rarely: AUTOSAVE_RARELY, often: AUTOSAVE_OFTEN },
  scenarios: [...results].map(([{ name, messages }, rounds]) => ({
    name,
    messages,
    median: summary(rounds),
    rounds,
  })),
  backlog: await backlogs(),
}
writeReport(flags.json, figures)
console.table(Object.fromEntries(figures.scenarios.map(({ name, median: row }) => [name, row])))
console.table(figures.backlog)
