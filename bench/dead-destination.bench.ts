/**
 * What a destination that takes nothing costs the others: CPU µs per message of the whole connector
 * under MQTT load, with a live destination alone, beside one whose connections are refused, and
 * beside one that accepts connections and never answers. The variants alternate; ratios are those of
 * runs next to each other.
 *
 *     npm run bench:dead-destination -- --rounds 10 --messages 500000 --json FILE
 */
import { writeFileSync } from 'node:fs'
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
import { machine } from './support/machine.ts'
import type { LoadOptions, LoadResult } from './support/mqtt-load.ts'
import { median, spread } from './support/percentiles.ts'

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

function support(name: string): string {
  return join(import.meta.dirname, 'support', name)
}

async function run(variant: Variant, hangingPort: number): Promise<Figures> {
  const sink = pinned(LOAD_CORE, process.execPath, [support('put-sink.js')])
  const connector = await ConnectorProcess.start(
    configOf(variant, Number(await linesOf(sink)()), hangingPort),
    CONNECTOR_CORE,
  )
  const rate = Number(flags.rate)
  const options: LoadOptions = {
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
  const load = pinned(LOAD_CORE, process.execPath, [
    support('mqtt-load.js'),
    JSON.stringify(options),
  ])
  const nextLine = linesOf(load)
  await nextLine()
  const cpuBefore = connector.cpuSeconds()
  const startedAt = performance.now()
  const result = JSON.parse(await nextLine()) as LoadResult
  await connector.settled()
  const cpu = connector.cpuSeconds() - cpuBefore
  const seconds = (performance.now() - startedAt) / 1_000
  await connector.stop()
  await stopped(sink, 'SIGTERM')
  if (result.failures > 0) throw new Error(`${variant}: ${result.failures} receipts failed`)
  return {
    cpuMicroseconds: Math.round((cpu * 1e8) / messages) / 100,
    perSecond: Math.round(messages / seconds),
  }
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
const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: machine(),
  node: process.version,
  messages,
  rate: Number(flags.rate),
  summary,
  rounds,
}
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`)
console.table(summary)
