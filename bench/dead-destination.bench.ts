/**
 * What a destination that takes nothing costs the others: CPU µs per message of the whole connector
 * under MQTT load, with a live destination alone, beside one whose connections are refused, and
 * beside one that accepts connections and never answers. The variants alternate; ratios are those of
 * runs next to each other.
 *
 *     npm run bench:dead-destination -- --rounds 10 --messages 500000 --json FILE
 */
import { createServer, type Socket } from 'node:net'
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
import { median, spread } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'

const SINK = join(import.meta.dirname, 'support', 'put-sink.js')
const CONNECTOR_CORE = 0
const LOAD_CORE = 1
const VARIANTS = ['alone', 'refused', 'hanging'] as const
type Variant = (typeof VARIANTS)[number]

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    messages: { type: 'string', default: '500000' },
    rate: { type: 'string', default: '0' },
    json: { type: 'string' },
  },
})
const messages = Number(flags.messages)

interface Figures {
  readonly cpuMicroseconds: number
  readonly perSecond: number
}

async function run(variant: Variant, hangingPort: number): Promise<Figures> {
  const sink = pinned(LOAD_CORE, process.execPath, [SINK])
  const connector = await ConnectorProcess.start(
    configOf(variant, Number(await linesOf(sink)()), hangingPort),
    CONNECTOR_CORE,
  )
  const rate = Number(flags.rate)
  const load: LoadOptions = {
    port: connector.port,
    qos: 1,
    messages,
    warmUpMessages: rate === 0 ? messages / 4 : rate * 2,
    payloadBytes: 100,
    connections: 1,
    window: 4_000,
    channels: 1,
    envelope: true,
    maxOutstandingReceipts: 4_000,
    rate,
  }
  const measured = await measuredLoad({ connector, load, core: LOAD_CORE, untilDelivered: true })
  await connector.stop()
  await stopped(sink, 'SIGTERM')
  const { failures, cpuMicroseconds, perSecond } = measured
  if (failures > 0) throw new Error(`${variant}: ${failures} receipts failed`)
  return { cpuMicroseconds, perSecond }
}

function configOf(variant: Variant, port: number, hangingPort: number): Record<string, unknown> {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'benchmark' }
  const at = (endpoint: string) => ({ endpoint, region: 'us-east-1', credentials })
  const live = { name: 'live', iotAnalytics: at(`http://127.0.0.1:${port}`) }
  const deadPort = variant === 'hanging' ? hangingPort : 1
  const dead = { name: 'dead', iotAnalytics: at(`http://127.0.0.1:${deadPort}`) }
  return {
    parameters: { PublishInterval: '1', IotAnalyticsBatchSizePerChannel: '100' },
    storage: { maxBytes: 10_000_000_000 },
    destinations: variant === 'alone' ? [live] : [live, dead],
    log: { level: 'silent' },
  }
}

async function startHanging(): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.resume().on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: address.port, close }
}

/** Of one variant to `alone`, in the same round. */
function ratiosOf(variant: Variant): number[] {
  return rounds.map((round) => {
    const ratio = round[variant].cpuMicroseconds / round.alone.cpuMicroseconds
    return Math.round(ratio * 1_000) / 1_000
  })
}

pinThisProcess(LOAD_CORE)
const hanging = await startHanging()
const rounds: Record<Variant, Figures>[] = []
for (let number = 0; number < Number(flags.rounds); number++) {
  const round: Partial<Record<Variant, Figures>> = {}
  // Each variant has each place equally often: the machine's speed drifts.
  const order = VARIANTS.map((_, at) => VARIANTS[(at + number) % VARIANTS.length] ?? 'alone')
  for (const variant of number % 2 === 0 ? order : order.reverse()) {
    round[variant] = await run(variant, hanging.port)
  }
  rounds.push(round as Record<Variant, Figures>)
  process.stderr.write(`round ${number + 1}  ${JSON.stringify(round)}\n`)
}
hanging.close()
const summary = VARIANTS.map((variant) => {
  const micros = rounds.map((round) => round[variant].cpuMicroseconds)
  const ratios = ratiosOf(variant)
  return {
    variant,
    cpuMicroseconds: median(micros),
    range: spread(micros),
    ratio: median(ratios),
    ratioRange: spread(ratios),
  }
})
writeReport(flags.json, {
  node: process.version,
  messages,
  rate: Number(flags.rate),
  summary,
  rounds,
})
console.table(summary)
