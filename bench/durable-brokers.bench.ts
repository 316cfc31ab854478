/**
 * Servers that keep messages for an absent receiver: what a QoS 1 message costs, and how many
 * acknowledged messages are left after kill -9 and after a power cut.
 *
 *     npm run bench:brokers                            three rounds, below eight minutes
 *     npm run bench:brokers -- mosquitto nats          servers whose name contains either, and ours
 *     npm run bench:brokers -- --json FILE --rounds 5
 *     npm run bench:brokers -- --only cost             or: survival
 *     npm run bench:brokers -- --smoke                 to see that it runs
 *
 * Compare within a group only. The server has one core, the generator the other; servers take turns
 * within each round. Missing servers are skipped with a line; support/peers.ts says how they are
 * found.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { temporaryDirectory } from './support/backlog.ts'
import { versions } from './support/broker-process.ts'
import type { BrokerTaskResult, PublishTask } from './support/broker-task.ts'
import { linesOf, pinned, pinThisProcess, stopped } from './support/connector-process.ts'
import { publishPaced } from './support/numbered-publisher.ts'
import { GROUPS, MOSQUITTO_VERSION, NATS_VERSION, type Peer, peersHere } from './support/peers.ts'
import { median, percentiles, spread } from './support/percentiles.ts'
import { cpuSecondsOf, rssBytesOf } from './support/process-cost.ts'
import { rabbitMqVersion } from './support/rabbitmq-process.ts'
import { writeReport } from './support/report.ts'
import { powerCutObstacle, type Survival, survivalOf } from './support/survival.ts'

const LOAD_CORE = 1
const MEBIBYTE = 1024 ** 2
const PACED_PER_SECOND = 1000
/** Work left over from a load must not be charged to the messages after it. */
const SETTLE_MS = 1000

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

/** As a share of the messages that count. */
const WARM_UP = 0.5
/** Six seconds: longer than any interval of a second, longer than mosquitto's five. */
const SURVIVAL = { messages: flags.smoke ? 1000 : 6000, perSecond: 1000 }
const LOAD = { kind: 'publish', qos: 1, payloadBytes: 100, connections: 4, window: 1000 } as const
const PACED = { first: 1, count: flags.smoke ? 200 : 1500, perSecond: PACED_PER_SECOND }

interface Cost {
  /** CPU of the server's process per message, at the highest rate. */
  readonly cpuMicroseconds: number
  readonly perSecond: number
  readonly serverShare: number
  /** Near 1 the generator was the limit. */
  readonly generatorShare: number
  readonly rssMegabytes: number
  /** At 1,000 messages a second; only for servers that sync before they acknowledge. */
  readonly pacedCpuMicroseconds?: number
  readonly pubackP50Ms?: number
  readonly pubackP99Ms?: number
}

/** Shows after the first round that all acknowledged messages were kept. */
interface Kept {
  readonly acknowledged: number
  readonly kept: number
}

async function costOf(peer: Peer, round: number): Promise<Cost> {
  const directory = await temporaryDirectory()
  const server = await peer.start(directory)
  try {
    await peer.keeper.prepare(server.port)
    const { result, cpu } = await saturate(peer, server)
    const saturated = {
      cpuMicroseconds: Math.round((cpu * 1e8) / result.count) / 100,
      perSecond: Math.round(result.count / result.seconds),
      serverShare: Math.round((cpu * 100) / result.seconds) / 100,
      generatorShare: result.generatorShare,
      rssMegabytes: Math.round(rssBytesOf(server.pid) / MEBIBYTE),
    }
    const isPaced = peer.group === 'synced'
    if (isPaced) await setTimeout(SETTLE_MS)
    const cost = isPaced ? { ...saturated, ...(await paced(peer, server)) } : saturated
    const acknowledged = result.count * (1 + WARM_UP) + (isPaced ? PACED.count : 0)
    if (round === 1) keptAll.set(peer, { acknowledged, kept: await peer.keeper.count(server) })
    return cost
  } finally {
    await server.stop('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
}

async function saturate(peer: Peer, { port, pid }: { port: number; pid: number }) {
  const messages = flags.smoke ? 2000 : peer.messages
  const { topic } = peer.keeper
  const task: PublishTask = { ...LOAD, port, topic, messages, warmUp: messages * WARM_UP }
  const program = join(import.meta.dirname, 'support', peer.keeper.program)
  const generator = pinned(LOAD_CORE, process.execPath, [program, JSON.stringify(task)], 'pipe')
  try {
    const nextLine = linesOf(generator)
    await nextLine() // it is ready
    const cpuBefore = cpuSecondsOf(pid)
    generator.stdin?.write('go\n')
    const result = JSON.parse(await nextLine()) as BrokerTaskResult
    return { result, cpu: cpuSecondsOf(pid) - cpuBefore }
  } finally {
    await stopped(generator, 'SIGKILL')
  }
}

async function paced(peer: Peer, { port, pid }: { port: number; pid: number }) {
  const publisher = await peer.keeper.open(port)
  const cpuBefore = cpuSecondsOf(pid)
  const { acknowledged, milliseconds } = await publishPaced(publisher, PACED)
  const cpu = cpuSecondsOf(pid) - cpuBefore
  publisher.close()
  const { p50, p99 } = percentiles(milliseconds)
  return {
    pacedCpuMicroseconds: Math.round((cpu * 1e6) / acknowledged.size),
    pubackP50Ms: p50,
    pubackP99Ms: p99,
  }
}

function summary(rounds: readonly Cost[]) {
  const keys = Object.keys(rounds[0] ?? {}) as (keyof Cost)[]
  return Object.fromEntries(
    keys.map((key) => {
      const values = rounds.map((round) => round[key] ?? Number.NaN)
      return [key, { median: median(values), spread: spread(values) }]
    }),
  )
}

/** The peer's cost divided by ours, round by round: above 1 a message costs the peer more. */
function timesOurs(rounds: readonly Cost[], ours: readonly Cost[]) {
  const quotients = rounds.map(({ cpuMicroseconds }, round) => {
    return Math.round((cpuMicroseconds * 100) / (ours[round]?.cpuMicroseconds ?? Number.NaN)) / 100
  })
  return { median: median(quotients), spread: spread(quotients) }
}

const { peers, missing } = peersHere()
for (const advice of missing) process.stderr.write(`skipped; it takes ${advice}\n`)
const chosen = peers.filter(
  ({ name }) =>
    positionals.length === 0 ||
    name.startsWith('ours') ||
    positionals.some((part) => name.includes(part)),
)
pinThisProcess(LOAD_CORE)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const costs = new Map<Peer, Cost[]>(chosen.map((peer) => [peer, []]))
const keptAll = new Map<Peer, Kept>()
const survivals = new Map<Peer, Survival>()
const obstacle = flags.only === 'cost' ? undefined : await powerCutObstacle()
if (obstacle !== undefined) process.stderr.write(`no power cuts: ${obstacle}\n`)

/** Our entry with the same kind of absent receiver, or the first of ours in the group. */
function counterpart({ group, keeper }: Peer): Peer | undefined {
  const ours = chosen.filter((peer) => peer.group === group && peer.name.startsWith('ours'))
  return ours.find((peer) => peer.keeper === keeper) ?? ours[0]
}

function figuresOf(rounds: number) {
  return {
    versions: {
      ...versions(),
      mosquitto: MOSQUITTO_VERSION ?? 'not installed',
      nats: NATS_VERSION ?? 'not installed',
      rabbitmq: rabbitMqVersion() ?? 'not installed',
    },
    skipped: missing,
    load: LOAD,
    rounds,
    survival: {
      ...SURVIVAL,
      n: 1,
      powerCut: obstacle ?? 'ext4 on an image, copied after the kill',
    },
    groups: Object.entries(GROUPS).map(([group, promise]) => ({
      promise,
      servers: chosen.filter((peer) => peer.group === group).map((peer) => reportOf(peer)),
    })),
  }
}

function reportOf(peer: Peer) {
  const rounds = costs.get(peer) ?? []
  const ours = counterpart(peer)
  return {
    name: peer.name,
    // Paths of the machine are removed.
    settings: peer.settings.map((setting) => setting.replace(/\/\S*\//, '')),
    keptFor: peer.keeper.keptFor,
    messages: flags.smoke ? 2000 : peer.messages,
    n: rounds.length,
    ...(rounds.length > 0 ? { cost: summary(rounds), rounds } : {}),
    ...(ours !== undefined && ours !== peer && rounds.length > 0
      ? { against: ours.name, timesOurs: timesOurs(rounds, costs.get(ours) ?? []) }
      : {}),
    ...(keptAll.has(peer) ? { whileRunning: keptAll.get(peer) } : {}),
    ...(survivals.has(peer) ? { survival: survivals.get(peer) } : {}),
  }
}

function save(rounds: number): void {
  writeReport(flags.json, figuresOf(rounds))
}

const roundCount = flags.only === 'survival' ? 0 : flags.smoke ? 1 : Number(flags.rounds)
for (let round = 1; round <= roundCount; round++) {
  for (const [peer, rounds] of costs) {
    rounds.push(await costOf(peer, round))
    process.stderr.write(`${round}  ${peer.name}  ${JSON.stringify(rounds.at(-1))}\n`)
    const { acknowledged, kept } = keptAll.get(peer) ?? { acknowledged: 0, kept: 0 }
    if (round === 1 && kept < acknowledged) {
      process.stderr.write(`not a fair figure: of ${acknowledged} acknowledged ${kept} are kept\n`)
    }
  }
  save(round)
}
if (flags.only !== 'cost') {
  for (const peer of chosen.filter(({ group }) => group !== 'memory')) {
    const withPowerCut = obstacle === undefined
    survivals.set(peer, await survivalOf(peer, { ...SURVIVAL, withPowerCut }))
    process.stderr.write(`kept  ${peer.name}  ${JSON.stringify(survivals.get(peer))}\n`)
  }
}
save(roundCount)

for (const { promise, servers } of figuresOf(roundCount).groups) {
  process.stdout.write(`\n${promise}\n`)
  const rows = servers.map(({ name, cost, timesOurs: times, survival }) => [
    name,
    {
      ...(cost === undefined ? {} : costRow(cost)),
      ...(times === undefined ? {} : { 'times ours': times.median }),
      ...(survival === undefined ? {} : survivalRow(survival)),
    },
  ])
  console.table(Object.fromEntries(rows))
}

function costRow(cost: ReturnType<typeof summary>) {
  const { cpuMicroseconds, perSecond, pacedCpuMicroseconds, pubackP50Ms, pubackP99Ms } = cost
  return {
    'CPU µs': cpuMicroseconds?.median,
    spread: cpuMicroseconds?.spread.join('–'),
    'per s': perSecond?.median,
    ...(pubackP50Ms === undefined
      ? {}
      : {
          'CPU µs at 1,000/s': pacedCpuMicroseconds?.median,
          'PUBACK p50, p99 ms': `${pubackP50Ms.median}, ${pubackP99Ms?.median}`,
        }),
  }
}

function survivalRow({ acknowledged, keptAfterKill, keptAfterPowerCut, syncOrder }: Survival) {
  return {
    'synced first': syncOrder && `${syncOrder.syncedBefore} of ${syncOrder.messages}`,
    acknowledged,
    'after kill -9': keptAfterKill,
    'after a cut': keptAfterPowerCut,
  }
}
