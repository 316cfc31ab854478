/**
 * What watching costs: one connector takes messages, and in every other window of some seconds three
 * streams of events are open: an overview, a tail, and what `top` reads. Windows of one process are
 * compared, because two processes differ by more than the viewers cost.
 *
 *     npm run bench:viewers                        at 50,000 messages/s, and as fast as they get in
 *     npm run bench:viewers -- --pairs 30 --rate 10000 --json FILE
 *     npm run bench:viewers -- --smoke             seconds, to see that it runs
 */
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startLoad } from './support/backlog.ts'
import { ConnectorProcess, pinThisProcess } from './support/connector-process.ts'
import { median, quartiles } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'
import { readEvents } from './support/stream-reader.ts'

const SERVER_CORE = 0
const LOAD_CORE = 1
const CHANNELS = 50
const STREAMS = ['overview', 'tail:ch00', 'overview,channels,destinations,clients']
/** Older messages give way, so that the length of the run does not fill the disk. */
const STORAGE_BYTES = 2 * 1024 ** 3
/** More than any run sends. */
const ENDLESS = 2_000_000_000
const WARM_UP_MESSAGES = 500_000
/** After streams are opened or closed. */
const SETTLING_MS = 500

const { values: flags } = parseArgs({
  options: {
    pairs: { type: 'string', default: '20' },
    rate: { type: 'string', default: '50000' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const pairCount = flags.smoke ? 1 : Number(flags.pairs)
const windowMs = flags.smoke ? 500 : 4_000

interface Window {
  readonly perSecond: number
  /** Of all threads. */
  readonly cpuMsPerSecond: number
  readonly events: number
}

async function receivedBy(url: string): Promise<number> {
  const answer = await fetch(`${url}/ledger?format=json`)
  return ((await answer.json()) as { totals: { received: number } }).totals.received
}

async function measuredWindow(connector: ConnectorProcess, isWatched: boolean): Promise<Window> {
  const url = `http://127.0.0.1:${connector.httpPort}`
  const leaving = new AbortController()
  const reading = (isWatched ? STREAMS : []).map((topics) =>
    readEvents(url, topics, leaving.signal),
  )
  await setTimeout(SETTLING_MS)
  const before = await receivedBy(url)
  const cpuBefore = connector.cpuSeconds()
  const startedAt = performance.now()
  await setTimeout(windowMs)
  const seconds = (performance.now() - startedAt) / 1000
  const cpuSeconds = connector.cpuSeconds() - cpuBefore
  const received = (await receivedBy(url)) - before
  leaving.abort()
  const events = await Promise.all(reading)
  return {
    perSecond: Math.round(received / seconds),
    cpuMsPerSecond: Math.round((cpuSeconds * 1000) / seconds),
    events: events.reduce((sum, count) => sum + count, 0),
  }
}

interface Pair {
  readonly on: Window
  readonly off: Window
}

/** The watched window is the first of every other pair, so that a drift does not count. */
async function measuredPair(connector: ConnectorProcess, index: number): Promise<Pair> {
  const isOnFirst = index % 2 === 0
  const first = await measuredWindow(connector, isOnFirst)
  const second = await measuredWindow(connector, !isOnFirst)
  return isOnFirst ? { on: first, off: second } : { on: second, off: first }
}

/** @param rate messages a second; 0: as fast as they get in */
async function pairsAt(rate: number): Promise<Pair[]> {
  const config = { log: { level: 'error' }, storage: { maxBytes: STORAGE_BYTES } }
  const connector = await ConnectorProcess.start(config, SERVER_CORE)
  const load = await startLoad(connector.port, {
    ...{ channels: CHANNELS, connections: 4, window: 1_000, rate },
    messages: ENDLESS,
    warmUpMessages: flags.smoke ? 1_000 : WARM_UP_MESSAGES,
  })
  try {
    const pairs: Pair[] = []
    for (let index = 0; index < pairCount; index++) {
      pairs.push(await measuredPair(connector, index))
      process.stderr.write(`${JSON.stringify(pairs.at(-1))}\n`)
    }
    return pairs
  } finally {
    await load.stop()
    await connector.stop('SIGKILL')
  }
}

function summary(pairs: readonly Pair[]) {
  const ratios = pairs.map(({ on, off }) => on.perSecond / off.perSecond)
  const extra = pairs.map(({ on, off }) => on.cpuMsPerSecond - off.cpuMsPerSecond)
  const perMessage = (window: Window) => window.cpuMsPerSecond / window.perSecond
  const costs = pairs.map(({ on, off }) => perMessage(on) / perMessage(off))
  return {
    messagesRatio: { median: median(ratios), quartiles: quartiles(ratios) },
    cpuPerMessageRatio: { median: median(costs), quartiles: quartiles(costs) },
    extraCpuMsPerSecond: { median: median(extra), quartiles: quartiles(extra) },
  }
}

pinThisProcess(LOAD_CORE)
const steady = await pairsAt(Number(flags.rate))
const fastest = await pairsAt(0)
const results = { rate: Number(flags.rate), atRate: summary(steady), atFullSpeed: summary(fastest) }
console.log(JSON.stringify(results, null, 2))
writeReport(flags.json, { results, pairs: { steady, fastest } })
