/**
 * Memory of a connector that is watched for a day: three streams are open all day, people come and
 * go, and ask for every answer of the operator's API. The connector's clock runs 100 times faster,
 * so that a day takes a quarter of an hour. A second connector beside it has the same
 * messages and no viewers.
 *
 *     npm run bench:viewing-day
 *     npm run bench:viewing-day -- --hours 2 --json FILE
 *     npm run bench:viewing-day -- --smoke         seconds, to see that it runs
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type RunningLoad, startLoad } from './support/backlog.ts'
import { freePort, linesOf, pinned, stopped } from './support/connector-process.ts'
import type { FastConnectorOptions } from './support/fast-connector.ts'
import { peakRssBytesOf, rssBytesOf } from './support/process-cost.ts'
import { writeReport } from './support/report.ts'
import { readEvents } from './support/stream-reader.ts'

const SERVER_CORE = 0
const CHANNELS = 50
/** In a second of this machine: 20 a second of the connector's. */
const MESSAGES_PER_SECOND = 2_000
const ENDLESS = 2_000_000_000
const STORAGE_BYTES = 256 * 1024 ** 2
const HOUR_MS = 3_600_000
const ALL_DAY = ['overview', 'tail:ch00', 'overview,channels,destinations,clients']
/** What those who come and go open. */
const VISITS = [
  'overview,tail:ch01,tail:ch02',
  'overview,channels',
  'overview,clients',
  'overview,ledger,problems',
  'overview,destinations',
  ...Array.from({ length: 10 }, (_, index) => `overview,tail:ch${10 + index}`),
]
const VISIT_MS = 5 * 60_000
const QUESTIONS = [
  'overview',
  'history',
  'ledger',
  'channels',
  'channels/ch00',
  'channels/ch00/messages?limit=100',
  'channels/ch00/fields',
  'channels/ch00/history',
  'destinations',
  'clients',
  'config',
  'tables',
  'dead-letters',
  'messages/none/story',
  'openapi.json',
]

const { values: flags } = parseArgs({
  options: {
    hours: { type: 'string', default: '24' },
    factor: { type: 'string', default: '100' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const factor = Number(flags.factor)
const hours = flags.smoke ? 0.1 : Number(flags.hours)

interface Day {
  /** At the end of each hour, in MB. */
  readonly rss: readonly number[]
  readonly peakRss: number
  readonly events: number
  readonly answers: number
}

/** Waits that much of the connector's time. */
function passed(ms: number): Promise<void> {
  return setTimeout(ms / factor)
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2)
}

class Audience {
  readonly #url: string
  readonly #leaving = new AbortController()
  #events = 0
  answers = 0

  constructor(url: string) {
    this.#url = url
  }

  /** Resolves with the number of events once everyone has left. */
  async watch(): Promise<number> {
    const { signal } = this.#leaving
    const allDay = ALL_DAY.map(async (topics) => {
      this.#events += await readEvents(this.#url, topics, signal)
    })
    await Promise.all([...allDay, this.#comeAndGo(), this.#ask()])
    return this.#events
  }

  leave(): void {
    this.#leaving.abort()
  }

  async #comeAndGo(): Promise<void> {
    for (let visit = 0; !this.#leaving.signal.aborted; visit++) {
      const going = new AbortController()
      const reading = readEvents(this.#url, VISITS[visit % VISITS.length] ?? '', going.signal)
      await passed(VISIT_MS)
      going.abort()
      this.#events += await reading
    }
  }

  async #ask(): Promise<void> {
    for (let index = 0; !this.#leaving.signal.aborted; index++) {
      const answer = await fetch(`${this.#url}/api/v1/${QUESTIONS[index % QUESTIONS.length]}`)
      await answer.arrayBuffer()
      if (answer.status >= 500) throw new Error(`${answer.url}: ${answer.status}`)
      this.answers++
      await passed(VISIT_MS / QUESTIONS.length)
    }
  }
}

async function day(isWatched: boolean): Promise<Day> {
  const directory = await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'bench-'))
  const [port, httpPort] = [await freePort(), await freePort()]
  const options: FastConnectorOptions = {
    factor,
    config: {
      storage: { directory: join(directory, 'data'), maxBytes: STORAGE_BYTES },
      sources: { mqttServer: { port } },
      http: { port: httpPort },
      log: { level: 'error' },
    },
  }
  const program = join(import.meta.dirname, 'support', 'fast-connector.js')
  const connector = pinned(SERVER_CORE, process.execPath, [program, JSON.stringify(options)])
  let load: RunningLoad | undefined
  const audience = new Audience(`http://127.0.0.1:${httpPort}`)
  try {
    await linesOf(connector)()
    load = await startLoad(port, {
      ...{ channels: CHANNELS, rate: MESSAGES_PER_SECOND, messages: ENDLESS },
      warmUpMessages: MESSAGES_PER_SECOND,
    })
    const watching = isWatched ? audience.watch() : Promise.resolve(0)
    const rss = await rssByHour(connector.pid ?? 0)
    audience.leave()
    const peakRss = megabytes(peakRssBytesOf(connector.pid ?? 0))
    return { rss, peakRss, events: await watching, answers: audience.answers }
  } finally {
    audience.leave()
    await load?.stop()
    await stopped(connector, 'SIGTERM')
    await rm(directory, { recursive: true, force: true })
  }
}

async function rssByHour(pid: number): Promise<number[]> {
  const rss: number[] = []
  for (let hour = 0; hour < hours; hour++) {
    await passed(Math.min(hours - hour, 1) * HOUR_MS)
    rss.push(megabytes(rssBytesOf(pid)))
    process.stderr.write(`process ${pid}, hour ${hour + 1}: ${rss.at(-1)} MB\n`)
  }
  return rss
}

const [watched, unwatched] = await Promise.all([day(true), day(false)])
const results = { hours, factor, watched, unwatched }
console.log(JSON.stringify(results))
writeReport(flags.json, { results })
