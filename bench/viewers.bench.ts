/**
 * What watching costs: messages in with an overview, a tail and a third stream open, and without, in
 * turns.
 *
 *     npm run bench:viewers
 *     npm run bench:viewers -- --pairs 9 --json FILE
 *     npm run bench:viewers -- --smoke             seconds, to see that it runs
 */
import { parseArgs } from 'node:util'
import { load } from './support/backlog.ts'
import { ConnectorProcess } from './support/connector-process.ts'
import { median, spread } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'

const SERVER_CORE = 0
const CHANNELS = 50
const MESSAGES = 4_000_000
const STREAMS = ['overview', 'tail:ch0', 'overview,channels,destinations,clients']

const { values: flags } = parseArgs({
  options: {
    pairs: { type: 'string', default: '5' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

interface Figures {
  readonly perSecond: number
  readonly events: number
}

/** Reads events until it is aborted. Returns how many came. */
async function watch(url: string, topics: string, signal: AbortSignal): Promise<number> {
  let events = 0
  try {
    const response = await fetch(`${url}/api/v1/events?topics=${topics}`, { signal })
    if (response.status !== 200) throw new Error(`${topics}: ${await response.text()}`)
    const decoder = new TextDecoder()
    for await (const part of response.body ?? []) {
      events += decoder.decode(part, { stream: true }).split('event: ').length - 1
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return events
}

async function run(isWatched: boolean): Promise<Figures> {
  const connector = await ConnectorProcess.start({ log: { level: 'error' } }, SERVER_CORE)
  const leaving = new AbortController()
  try {
    const url = `http://127.0.0.1:${connector.httpPort}`
    const options = { channels: CHANNELS, connections: 4, rate: 0, window: 1_000 }
    await load(connector.port, { ...options, messages: flags.smoke ? 1_000 : 200_000 })
    const watching = (isWatched ? STREAMS : []).map((topics) => watch(url, topics, leaving.signal))
    const result = await load(connector.port, {
      ...options,
      messages: flags.smoke ? 10_000 : MESSAGES,
    })
    leaving.abort()
    const events = await Promise.all(watching)
    return {
      perSecond: Math.round(result.messages / result.seconds),
      events: events.reduce((sum, count) => sum + count, 0),
    }
  } finally {
    leaving.abort()
    await connector.stop('SIGKILL')
  }
}

interface Pair {
  readonly on: Figures
  readonly off: Figures
}

/** The second of a pair is not always the same one. */
async function runPair(index: number): Promise<Pair> {
  const isOnFirst = index % 2 === 0
  const first = await run(isOnFirst)
  const second = await run(!isOnFirst)
  return isOnFirst ? { on: first, off: second } : { on: second, off: first }
}

const pairs: Pair[] = []
for (let index = 0; index < (flags.smoke ? 1 : Number(flags.pairs)); index++) {
  pairs.push(await runPair(index))
  process.stderr.write(`${JSON.stringify(pairs.at(-1))}\n`)
}
const ratios = pairs.map(({ on, off }) => on.perSecond / off.perSecond)
const results = { ratio: { median: median(ratios), spread: spread(ratios) }, pairs }
console.log(results.ratio)
writeReport(flags.json, { results })
