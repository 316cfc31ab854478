/**
 * The whole connector under load: messages/s, CPU µs per message, p99 of PUBACK and receipt, RSS.
 *
 *     npm run bench                          all scenarios, three rounds, a table
 *     npm run bench -- disk --rounds 5       those whose name contains "disk"
 *     npm run bench -- --json FILE           the figures with machine and versions
 *     npm run bench -- --smoke               seconds, to see that it runs
 *
 * The connector runs on one core, load generator and endpoint on the other; rounds of all scenarios
 * are interleaved, and medians quoted, because machines are noisy. The measurement follows a
 * warm-up.
 */

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  ConnectorProcess,
  linesOf,
  pinned,
  pinThisProcess,
  stopped,
} from './support/connector-process.ts'
import { measuredLoad } from './support/measured-load.ts'
import type { LoadOptions } from './support/mqtt-load.ts'
import { median } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'

interface Scenario {
  readonly name: string
  readonly load: Partial<LoadOptions>
  readonly durability?: 'disk' | 'memory'
  /** Messages per BatchPutMessage; undefined: no destination. */
  readonly batch?: number
  /** Batches under way at once. The default of 1 always keeps the order. */
  readonly batchesInFlight?: number
  /** A second destination, at an address where nothing answers. */
  readonly hasDeadDestination?: boolean
}

const RECEIPTS = 4000
const BY_FIVE: Partial<LoadOptions> = {
  envelope: true,
  maxOutstandingReceipts: 1000,
  messages: 100_000,
  warmUpMessages: 30_000,
}
const SCENARIOS: readonly Scenario[] = [
  { name: 'MQTT server → memory log, QoS 0', durability: 'memory', load: { qos: 0 } },
  { name: 'MQTT server → memory log, QoS 1', durability: 'memory', load: {} },
  { name: 'MQTT server → disk log, QoS 1', load: {} },
  { name: 'MQTT server → disk log, QoS 1, 10 channels', load: { channels: 10, connections: 4 } },
  { name: 'MQTT server → disk log, QoS 1, 1 KB', load: { payloadBytes: 1024 } },
  {
    name: 'MQTT server → disk log, QoS 1, envelope',
    load: { envelope: true },
  },
  {
    name: 'MQTT → disk → BatchPutMessage by 100, receipts',
    batch: 100,
    load: { envelope: true, maxOutstandingReceipts: RECEIPTS },
  },
  {
    name: 'MQTT → disk → BatchPutMessage by 100, no listener',
    batch: 100,
    load: { envelope: true },
  },
  {
    name: 'MQTT → disk → BatchPutMessage by 100, receipts, 1 KB',
    batch: 100,
    load: { envelope: true, maxOutstandingReceipts: RECEIPTS, payloadBytes: 1024 },
  },
  {
    name: 'MQTT → disk → BatchPutMessage by 100, receipts, beside a dead destination',
    batch: 100,
    hasDeadDestination: true,
    load: { envelope: true, maxOutstandingReceipts: RECEIPTS },
  },
  { name: 'MQTT → disk → BatchPutMessage by 5, receipts', batch: 5, load: BY_FIVE },
  {
    name: 'MQTT → disk → BatchPutMessage by 5, 8 in flight, receipts',
    batch: 5,
    batchesInFlight: 8,
    load: BY_FIVE,
  },
  {
    name: 'MQTT → disk → BatchPutMessage by 100, receipts, 1,000/s',
    batch: 100,
    load: {
      envelope: true,
      maxOutstandingReceipts: 60_000,
      rate: 1000,
      messages: 15_000,
      warmUpMessages: 15_000,
    },
  },
  {
    name: 'MQTT → disk → BatchPutMessage by 100, receipts, 10,000/s',
    batch: 100,
    load: {
      envelope: true,
      maxOutstandingReceipts: 60_000,
      rate: 10_000,
      messages: 60_000,
      warmUpMessages: 60_000,
    },
  },
]

interface Figures {
  readonly perSecond: number
  readonly cpuMicroseconds: number
  readonly corePercent: number
  readonly rssMegabytes: number
  readonly startUpMs: number
  readonly idleRssMegabytes: number
  readonly pubackP99Ms: number | undefined
  readonly receiptP99Ms: number | undefined
}

const SINK = join(import.meta.dirname, 'support', 'put-sink.js')
const PRIMARY = 'iotAnalytics'
const NOTHING_ANSWERS = 'http://127.0.0.1:1'
const CONNECTOR_CORE = 0
const LOAD_CORE = 1

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

function loadOf(scenario: Scenario, port: number): LoadOptions {
  const load: LoadOptions = {
    port,
    qos: 1,
    messages: 1_000_000,
    warmUpMessages: 100_000,
    payloadBytes: 100,
    connections: 1,
    window: 4000,
    channels: 1,
    envelope: false,
    maxOutstandingReceipts: 0,
    rate: 0,
    ...scenario.load,
  }
  return flags.smoke ? { ...load, messages: 2000, warmUpMessages: 100 } : load
}

async function run(scenario: Scenario): Promise<Figures> {
  const sink =
    scenario.batch === undefined ? undefined : pinned(LOAD_CORE, process.execPath, [SINK])
  const endpoint = sink === undefined ? undefined : await linesOf(sink)()
  const connector = await ConnectorProcess.start(configOf(scenario, endpoint), CONNECTOR_CORE)
  const idleRssMegabytes = connector.rssMegabytes()
  const measured = await measuredLoad({
    connector,
    load: loadOf(scenario, connector.port),
    core: LOAD_CORE,
    untilDelivered: scenario.batch !== undefined,
  })
  const rssMegabytes = connector.rssMegabytes()
  await connector.stop()
  if (sink !== undefined) await stopped(sink, 'SIGTERM')
  const { failures, perSecond, cpuMicroseconds, corePercent, pubackMs, receiptMs } = measured
  if (failures > 0) throw new Error(`${scenario.name}: ${failures} receipts failed`)
  return {
    perSecond,
    cpuMicroseconds,
    corePercent,
    rssMegabytes,
    startUpMs: Math.round(connector.startUpMs),
    idleRssMegabytes,
    pubackP99Ms: pubackMs?.p99,
    receiptP99Ms: receiptMs?.p99,
  }
}

function configOf(scenario: Scenario, endpoint: string | undefined): Record<string, unknown> {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'benchmark' }
  const url = `http://127.0.0.1:${endpoint}`
  const iotAnalytics = { endpoint: url, region: 'us-east-1', credentials }
  const { batchesInFlight = 1, hasDeadDestination = false } = scenario
  const dead = { name: 'dead', iotAnalytics: { ...iotAnalytics, endpoint: NOTHING_ANSWERS } }
  const destinations = [{ name: PRIMARY, batchesInFlight, iotAnalytics }]
  return {
    parameters: {
      PublishInterval: '1',
      IotAnalyticsBatchSizePerChannel: String(scenario.batch ?? 100),
      // In memory the specification's bound of 2048 would drop messages of a saturated run.
      ...(scenario.durability === 'memory' ? { IotAnalyticsQueueSizePerChannel: '1000000' } : {}),
    },
    storage: { durability: scenario.durability ?? 'disk' },
    destinations:
      endpoint === undefined ? [] : hasDeadDestination ? [...destinations, dead] : destinations,
  }
}

function summary(rounds: readonly Figures[]): Record<string, number> {
  const medians: Record<string, number> = {}
  for (const key of Object.keys(rounds[0] ?? {}) as (keyof Figures)[]) {
    const values = rounds.map((round) => round[key]).filter((value) => value !== undefined)
    if (values.length > 0) medians[key] = median(values)
  }
  return medians
}

pinThisProcess(LOAD_CORE)
const chosen = SCENARIOS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
)
const results = new Map<Scenario, Figures[]>(chosen.map((scenario) => [scenario, []]))
const roundCount = flags.smoke ? 1 : Number(flags.rounds)
for (let round = 0; round < roundCount; round++) {
  for (const [scenario, figures] of results) {
    figures.push(await run(scenario))
    process.stderr.write(
      `round ${round + 1}  ${scenario.name}  ${JSON.stringify(figures.at(-1))}\n`,
    )
  }
}
const scenarios = chosen.map((scenario) => ({
  name: scenario.name,
  median: summary(results.get(scenario) ?? []),
  rounds: results.get(scenario),
}))
writeReport(flags.json, { node: process.version, rounds: roundCount, scenarios })
console.table(Object.fromEntries(scenarios.map(({ name, median: row }) => [name, row])))
