/**
 * What the conversion to tables costs the senders of messages beside it: the connector with
 * `analytics.tables` and without, in turns. Under as many messages as it takes, their number counts;
 * at a steady rate, how long they wait for their PUBACKs.
 *
 *     npm run bench:tables-beside
 *     npm run bench:tables-beside -- steady --pairs 9    loads whose names contain it
 *     npm run bench:tables-beside -- --json FILE
 *     npm run bench:tables-beside -- --smoke             seconds, to see that it runs
 *
 * The connector and its converter have one core together, the generator the other.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { load } from './support/backlog.ts'
import { ConnectorProcess } from './support/connector-process.ts'
import type { LoadOptions } from './support/mqtt-load.ts'
import { median, spread } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'

const SERVER_CORE = 0
const GIBIBYTE = 1024 ** 3
/** Few, so that each has enough rows for a conversion every ten seconds. */
const CHANNELS = 2
/** The converter looks for rows every ten seconds: it is at work by then. */
const UNTIL_AT_WORK_MS = 15_000

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '5' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

interface Load {
  readonly name: string
  readonly messages: number
  readonly options: Partial<LoadOptions>
}

const LOADS: readonly Load[] = [
  {
    name: 'as many as it takes',
    messages: 12_000_000,
    options: { connections: 4, window: 1_000 },
  },
  {
    name: 'steady 10,000/s',
    messages: 300_000,
    options: { connections: 8, rate: 10_000, window: 10_000 },
  },
]

interface Figures {
  readonly perSecond: number
  readonly pubackP50Ms: number | undefined
  readonly pubackP99Ms: number | undefined
  /** During the measurement. */
  readonly rowsConverted: number
}

async function rowsConverted({ httpPort }: ConnectorProcess): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
  const found = text.matchAll(/^iot_analytics_connector_table_rows_total\{.*\} (\d+)$/gm)
  return [...found].reduce((sum, [, rows]) => sum + Number(rows), 0)
}

async function run(isConverting: boolean, { messages, options }: Load): Promise<Figures> {
  const config = {
    storage: { maxBytes: 4 * GIBIBYTE, historyBytes: GIBIBYTE },
    log: { level: 'error' },
    ...(isConverting ? { analytics: { tables: {} } } : {}),
  }
  const connector = await ConnectorProcess.start(config, SERVER_CORE)
  try {
    const all = { channels: CHANNELS, ...options }
    // Enough rows for all channels to be converted.
    const before = flags.smoke ? 10_000 : CHANNELS * 60_000
    await load(connector.port, { ...all, messages: before, rate: 0, window: 1_000 })
    await delay(flags.smoke ? 0 : UNTIL_AT_WORK_MS)
    const convertedBefore = await rowsConverted(connector)
    const result = await load(connector.port, {
      ...all,
      messages: flags.smoke ? 10_000 : messages,
    })
    return {
      perSecond: Math.round(result.messages / result.seconds),
      pubackP50Ms: result.pubackMs?.p50,
      pubackP99Ms: result.pubackMs?.p99,
      rowsConverted: (await rowsConverted(connector)) - convertedBefore,
    }
  } finally {
    await connector.stop('SIGKILL')
  }
}

interface Pair {
  readonly on: Figures
  readonly off: Figures
}

/** The second of a pair is not always the same one. */
async function runPair(one: Load, index: number): Promise<Pair> {
  const isOnFirst = index % 2 === 0
  const first = await run(isOnFirst, one)
  const second = await run(!isOnFirst, one)
  return isOnFirst ? { on: first, off: second } : { on: second, off: first }
}

function ratios(pairs: readonly Pair[], of: (figures: Figures) => number | undefined) {
  const values = pairs.flatMap(({ on, off }) => {
    const [with_, without] = [of(on), of(off)]
    return with_ === undefined || without === undefined ? [] : [with_ / without]
  })
  return values.length === 0 ? undefined : { median: median(values), spread: spread(values) }
}

const wanted = LOADS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
)
const results: object[] = []
for (const one of wanted) {
  const pairs: Pair[] = []
  for (let index = 0; index < (flags.smoke ? 1 : Number(flags.pairs)); index++) {
    pairs.push(await runPair(one, index))
    process.stderr.write(`${one.name}  ${JSON.stringify(pairs.at(-1))}\n`)
  }
  const rate = ratios(pairs, ({ perSecond }) => perSecond)
  const puback = ratios(pairs, ({ pubackP99Ms }) => pubackP99Ms)
  results.push({ load: one.name, rate, puback, pairs })
  console.log(one.name, { rate, puback })
}
writeReport(flags.json, { results })
