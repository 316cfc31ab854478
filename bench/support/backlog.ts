/** A backlog that is not accepted, a kill -9, a restart, and how fast the backlog drains. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { comeBack, subscribeAndLeave } from './absent-subscriber.ts'
import { type Mosquitto, startMosquitto } from './broker-process.ts'
import { ConnectorProcess, freePort, linesOf, pinned, stopped } from './connector-process.ts'
import type { LoadOptions, LoadResult } from './mqtt-load.ts'
import { cpuSecondsOf, peakRssBytesOf, rssBytesOf } from './process-cost.ts'

const SERVER_CORE = 0
const LOAD_CORE = 1
const MEBIBYTE = 1024 * 1024
const POLL_MS = 100

export interface BacklogFigures {
  readonly messages: number
  readonly megabytesOfPayload: number
  readonly fillPerSecond: number
  /** Memory of the process that took the backlog in. */
  readonly filledRssMegabytes: number
  readonly fillPeakRssMegabytes: number
  /** How many messages were there after kill -9. */
  readonly survivedKill: number
  /** From the new process to the first message at the receiver. */
  readonly firstDeliveryMs: number | undefined
  readonly drainPerSecond: number
  readonly drainCpuMicroseconds: number | undefined
  readonly drainPeakRssMegabytes: number | undefined
}

export interface BacklogOptions {
  readonly bytes: number
  readonly payloadBytes: number
  readonly channels: number
}

export interface RunningLoad {
  /** Resolves when all messages have been sent and acknowledged. */
  result(): Promise<LoadResult>
  stop(): Promise<void>
}

/** Starts the generator. Resolves when it is warm. */
export async function startLoad(
  port: number,
  options: Partial<LoadOptions>,
  core = LOAD_CORE,
): Promise<RunningLoad> {
  const all: LoadOptions = {
    port,
    qos: 1,
    messages: 100_000,
    warmUpMessages: 0,
    payloadBytes: 100,
    connections: 4,
    window: 1000,
    channels: 1,
    envelope: false,
    maxOutstandingReceipts: 0,
    rate: 0,
    ...options,
  }
  const program = join(import.meta.dirname, 'mqtt-load.js')
  const generator = pinned(core, process.execPath, [program, JSON.stringify(all)])
  const nextLine = linesOf(generator)
  await nextLine() // it is warm
  return {
    result: async () => JSON.parse(await nextLine()) as LoadResult,
    stop: () => stopped(generator, 'SIGKILL'),
  }
}

/** Runs the generator to its end. */
export async function load(
  port: number,
  options: Partial<LoadOptions>,
  core = LOAD_CORE,
): Promise<LoadResult> {
  const running = await startLoad(port, options, core)
  return running.result()
}

/** An `endpointPort` on which nothing listens makes a backlog. */
export function configWith(endpointPort: number, directory: string, maxBytes: number) {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'benchmark' }
  const endpoint = `http://127.0.0.1:${endpointPort}`
  return {
    parameters: { IotAnalyticsBatchSizePerChannel: '100' },
    storage: { directory, maxBytes },
    destinations: [{ iotAnalytics: { endpoint, region: 'us-east-1', credentials } }],
    log: { level: 'error' },
  }
}

export async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'bench-'))
}

export async function ourBacklog(options: BacklogOptions): Promise<BacklogFigures> {
  const directory = await temporaryDirectory()
  const maxBytes = Math.ceil(options.bytes * 1.5) + 512 * MEBIBYTE
  const config = (port: number) => configWith(port, join(directory, 'data'), maxBytes)
  try {
    const connector = await ConnectorProcess.start(config(await freePort()), SERVER_CORE)
    const filled = await fill(connector.port, connector.pid, options)
    await connector.stop('SIGKILL')
    const sink = pinned(LOAD_CORE, process.execPath, [join(import.meta.dirname, 'put-sink.js')])
    const nextLine = linesOf(sink)
    const sinkPort = Number(await nextLine())
    const firstRequest = nextLine()
    const startedAtMs = Date.now()
    const again = await ConnectorProcess.start(config(sinkPort), SERVER_CORE)
    const firstAtMs = Number(await firstRequest)
    const totals = await drained(again.httpPort)
    const seconds = (Date.now() - firstAtMs) / 1000
    const cpu = cpuSecondsOf(again.pid)
    const drainPeakRssMegabytes = Math.round(peakRssBytesOf(again.pid) / MEBIBYTE)
    await again.stop()
    await stopped(sink, 'SIGTERM')
    return {
      ...filled,
      survivedKill: totals.delivered,
      firstDeliveryMs: firstAtMs - startedAtMs,
      drainPerSecond: Math.round(totals.delivered / seconds),
      drainCpuMicroseconds: Math.round((cpu * 1e8) / totals.delivered) / 100,
      drainPeakRssMegabytes,
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * The same with mosquitto and an absent subscriber at QoS 1. It is restarted twice: after a kill,
 * and after SIGTERM.
 */
export async function mosquittoBacklog(
  options: BacklogOptions,
  config: readonly string[],
): Promise<BacklogFigures> {
  const killedIn = await temporaryDirectory()
  const endedIn = await temporaryDirectory()
  try {
    const { broker: killed } = await filledMosquitto(options, config, killedIn)
    await killed.stop('SIGKILL')
    const afterKill = await startMosquitto(SERVER_CORE, config, killedIn)
    const { messages: survivedKill } = await comeBack(afterKill.port)
    await afterKill.stop('SIGKILL')

    const { broker, filled } = await filledMosquitto(options, config, endedIn)
    await broker.stop('SIGTERM')
    const startedAtMs = Date.now()
    const again = await startMosquitto(SERVER_CORE, config, endedIn)
    const { messages, firstAtMs, lastAtMs } = await comeBack(again.port)
    const drainPeakRssMegabytes = Math.round(peakRssBytesOf(again.pid) / MEBIBYTE)
    const cpu = cpuSecondsOf(again.pid)
    await again.stop('SIGKILL')
    const seconds = ((lastAtMs ?? 0) - (firstAtMs ?? 0)) / 1000
    return {
      ...filled,
      survivedKill,
      firstDeliveryMs: firstAtMs === undefined ? undefined : firstAtMs - startedAtMs,
      drainPerSecond: Math.round(messages / seconds),
      drainCpuMicroseconds: Math.round((cpu * 1e8) / messages) / 100,
      drainPeakRssMegabytes,
    }
  } finally {
    await rm(killedIn, { recursive: true, force: true })
    await rm(endedIn, { recursive: true, force: true })
  }
}

async function filledMosquitto(
  options: BacklogOptions,
  config: readonly string[],
  directory: string,
): Promise<{ broker: Mosquitto; filled: Filled }> {
  const broker = await startMosquitto(SERVER_CORE, config, directory)
  await subscribeAndLeave(broker.port)
  return { broker, filled: await fill(broker.port, broker.pid, options) }
}

type Filled = Pick<
  BacklogFigures,
  | 'messages'
  | 'megabytesOfPayload'
  | 'fillPerSecond'
  | 'filledRssMegabytes'
  | 'fillPeakRssMegabytes'
>

async function fill(port: number, pid: number, options: BacklogOptions): Promise<Filled> {
  const { payloadBytes, channels } = options
  const messages = Math.ceil(options.bytes / payloadBytes)
  const result = await load(port, { messages, payloadBytes, channels })
  return {
    messages: result.acknowledged,
    megabytesOfPayload: Math.round((result.acknowledged * payloadBytes) / 1e6),
    fillPerSecond: Math.round(result.messages / result.seconds),
    filledRssMegabytes: Math.round(rssBytesOf(pid) / MEBIBYTE),
    fillPeakRssMegabytes: Math.round(peakRssBytesOf(pid) / MEBIBYTE),
  }
}

interface Totals {
  readonly received: number
  readonly delivered: number
  readonly waiting: number
  readonly inFlight: number
}

async function drained(httpPort: number): Promise<Totals> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/ledger`)
    const { totals } = (await answer.json()) as { totals: Totals }
    if (totals.waiting === 0 && totals.inFlight === 0) return totals
    await setTimeout(POLL_MS)
  }
}
