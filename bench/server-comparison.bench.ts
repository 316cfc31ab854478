/**
 * The MQTT server beside others, in one run: what a message in, a delivery out and a connection
 * cost the server's process, and how much memory an idle connection holds.
 *
 *     npm run bench:servers                          three rounds, a table
 *     npm run bench:servers -- publish --rounds 5    scenarios whose name contains "publish"
 *     npm run bench:servers -- --json FILE           every round, with machine and versions
 *     npm run bench:servers -- --smoke               seconds, to see that it runs
 *
 * The server has one core, the generator the other; the servers take turns within each round.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  type BrokerName,
  type BrokerProcess,
  isInstalled,
  startBroker,
  versions,
} from './support/broker-process.ts'
import type {
  BrokerTask,
  BrokerTaskResult,
  FanOutTask,
  IdleTask,
  PublishTask,
  StormTask,
} from './support/broker-task.ts'
import { pinned, stopped } from './support/connector-process.ts'
import { median, spread } from './support/percentiles.ts'
import { cpuSecondsOf, rssBytesOf } from './support/process-cost.ts'
import { writeReport } from './support/report.ts'

type Unaddressed<Task> = Omit<Task, 'port'>
type Load =
  | Unaddressed<PublishTask>
  | Unaddressed<FanOutTask>
  | Unaddressed<StormTask>
  | Unaddressed<IdleTask>

interface Scenario {
  readonly name: string
  readonly servers: readonly BrokerName[]
  readonly load: Load
}

interface Figures {
  /** CPU of the server's process per message, delivery or connection. */
  readonly cpuMicroseconds?: number
  readonly perCpuSecond?: number
  readonly perSecond: number
  /** Shares of a core that the server and the generator used. */
  readonly serverShare?: number
  readonly generatorShare: number
  /** Growth of the process by one idle connection. */
  readonly bytesPerConnection?: number
}

const ALL: readonly BrokerName[] = ['ours', 'aedes', 'mosquitto']
const UNHEARD = 'bench/nobody/listens'
const CHANNEL = 'iotanalytics/channels/bench/messages/binary/put'
const SERVER_CORE = 0
const LOAD_CORE = 1
const SETTLE_MS = 1500

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    idle: { type: 'string', default: '10000' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

function publish(qos: 0 | 1 | 2, topic = UNHEARD): Load {
  const messages = flags.smoke ? 2000 : qos === 2 ? 150_000 : 300_000
  const size = { messages, warmUp: messages / 2, payloadBytes: 100, connections: 4 }
  return { kind: 'publish', topic, qos, window: 1000, ...size }
}

function fanOut(subscribers: number): Load {
  const messages = (flags.smoke ? 2000 : 300_000) / subscribers
  const size = { messages, warmUp: messages / 2, payloadBytes: 100, window: 256 }
  return { kind: 'fanOut', topic: 'bench/fan-out', subscribers, ...size }
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'publish QoS 0', servers: ALL, load: publish(0) },
  { name: 'publish QoS 1', servers: ALL, load: publish(1) },
  { name: 'publish QoS 2', servers: ALL, load: publish(2) },
  { name: 'publish QoS 0 into a channel on disk', servers: ['ours'], load: publish(0, CHANNEL) },
  { name: 'publish QoS 1 into a channel on disk', servers: ['ours'], load: publish(1, CHANNEL) },
  { name: 'publish QoS 2 into a channel on disk', servers: ['ours'], load: publish(2, CHANNEL) },
  { name: 'fan-out to 1, per delivery', servers: ALL, load: fanOut(1) },
  { name: 'fan-out to 10, per delivery', servers: ALL, load: fanOut(10) },
  { name: 'fan-out to 100, per delivery', servers: ALL, load: fanOut(100) },
  {
    name: 'connect and leave',
    servers: [...ALL, 'sockets'],
    load: {
      kind: 'storm',
      connections: flags.smoke ? 100 : 2000,
      warmUp: flags.smoke ? 50 : 1000,
      concurrency: 50,
    },
  },
  {
    name: 'idle connection',
    servers: [...ALL, 'sockets'],
    load: {
      kind: 'idle',
      connections: flags.smoke ? 1000 : Number(flags.idle),
      concurrency: 50,
    },
  },
]

async function run({ load }: Scenario, name: BrokerName): Promise<Figures> {
  const server = await startBroker(name, SERVER_CORE)
  const task = { ...load, port: server.port } as BrokerTask
  const program = join(import.meta.dirname, 'support', 'broker-load.js')
  const generator = pinned(LOAD_CORE, process.execPath, [program, JSON.stringify(task)], 'pipe')
  const lines = linesOf(generator)
  try {
    await lines.next()
    const rssBefore = task.kind === 'idle' ? await settledRss(server) : 0
    const cpuBefore = cpuSecondsOf(server.pid)
    generator.stdin?.write('go\n')
    const { value } = await lines.next()
    const cpu = cpuSecondsOf(server.pid) - cpuBefore
    const result = JSON.parse(value) as BrokerTaskResult
    if (task.kind !== 'idle') return costOf(result, cpu)
    const grown = (await settledRss(server)) - rssBefore
    return { ...rateOf(result), bytesPerConnection: Math.round(grown / result.count) }
  } finally {
    await stopped(generator, 'SIGKILL')
    await server.stop()
  }
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string, never> {
  if (child.stdout === null) throw new Error('no output to read')
  const exit = once(child, 'exit').then(() => undefined)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  for (;;) {
    const line = await Promise.race([lines.next(), exit])
    if (line === undefined || line.done === true) throw new Error('the load generator ended')
    yield line.value
  }
}

/** Memory in use; a Node server collects garbage first. */
async function settledRss({ pid, name }: BrokerProcess): Promise<number> {
  await setTimeout(SETTLE_MS)
  if (name !== 'mosquitto') process.kill(pid, 'SIGUSR2')
  await setTimeout(SETTLE_MS)
  return rssBytesOf(pid)
}

function rateOf({ count, seconds, generatorShare }: BrokerTaskResult) {
  return { perSecond: Math.round(count / seconds), generatorShare }
}

function costOf(result: BrokerTaskResult, cpu: number): Figures {
  return {
    cpuMicroseconds: Math.round((cpu * 1e9) / result.count) / 1000,
    perCpuSecond: Math.round(result.count / cpu),
    serverShare: Math.round((cpu * 100) / result.seconds) / 100,
    ...rateOf(result),
  }
}

type Rounds = Partial<Record<BrokerName, Figures[]>>

/** The figure that servers are compared by: less is better. */
function judged(figures: Figures): number {
  return figures.bytesPerConnection ?? figures.cpuMicroseconds ?? 0
}

/** Medians, and the spread of the rounds. */
function row(rounds: readonly Figures[]) {
  const middle = (figure: (round: Figures) => number | undefined) => {
    const values = rounds.map(figure).filter((value) => value !== undefined)
    return values.length === 0 ? undefined : median(values)
  }
  return {
    cpuMicroseconds: middle((round) => round.cpuMicroseconds),
    perCpuSecond: middle((round) => round.perCpuSecond),
    perSecond: middle((round) => round.perSecond),
    serverShare: middle((round) => round.serverShare),
    generatorShare: middle((round) => round.generatorShare),
    bytesPerConnection: middle((round) => round.bytesPerConnection),
    spread: spread(rounds.map(judged)),
  }
}

/** Ours divided by the peer's, round by round: below 1 we cost less. */
function ratio(rounds: Rounds, peer: BrokerName) {
  const quotients = (rounds.ours ?? []).map((ours, round) => {
    const theirs = rounds[peer]?.[round]
    return theirs === undefined ? Number.NaN : judged(ours) / judged(theirs)
  })
  const hundredths = (value: number) => Math.round(value * 100) / 100
  return { median: hundredths(median(quotients)), spread: spread(quotients).map(hundredths) }
}

function reportOf(scenario: Scenario, rounds: Rounds) {
  const names = Object.keys(rounds) as BrokerName[]
  const peers = names.filter((name) => name !== 'ours')
  return {
    name: scenario.name,
    load: scenario.load,
    servers: Object.fromEntries(names.map((name) => [name, row(rounds[name] ?? [])])),
    ratios: Object.fromEntries(peers.map((peer) => [`ours/${peer}`, ratio(rounds, peer)])),
    rounds,
  }
}

function figuresOf(roundCount: number, results: ReadonlyMap<Scenario, Rounds>) {
  return {
    versions: versions(),
    rounds: roundCount,
    scenarios: [...results].map(([scenario, rounds]) => reportOf(scenario, rounds)),
  }
}

const chosen = SCENARIOS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
)
const roundCount = flags.smoke ? 1 : Number(flags.rounds)
const results = new Map<Scenario, Rounds>(chosen.map((scenario) => [scenario, {}]))
for (let round = 1; round <= roundCount; round++) {
  for (const [scenario, rounds] of results) {
    for (const name of scenario.servers.filter(isInstalled)) {
      const figures = await run(scenario, name)
      rounds[name] = [...(rounds[name] ?? []), figures]
      process.stderr.write(`${round}  ${scenario.name}  ${name}  ${JSON.stringify(figures)}\n`)
    }
  }
  writeReport(flags.json, figuresOf(round, results))
}
const table: Record<string, object> = {}
for (const { name, servers, ratios } of figuresOf(roundCount, results).scenarios) {
  for (const [server, figures] of Object.entries(servers)) {
    const { spread: range, ...medians } = figures
    const quotient = ratios[`ours/${server}`]?.median
    table[`${name}: ${server}`] = { ...medians, spread: range.join('–'), 'ours/this': quotient }
  }
}
console.table(table)
