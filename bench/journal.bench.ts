/**
 * What a durable PUBACK costs with many channels, with few messages in flight and at steady rates:
 * QoS 1 into the log on disk, without a destination. Another build of the connector can take turns.
 *
 *     npm run bench:journal -- --against ../before       a checkout of another version, already built
 *     npm run bench:journal -- "500" "1 × 1" --rounds 5  loads whose names contain either
 *     npm run bench:journal -- --json FILE
 *     npm run bench:journal -- --smoke                   seconds, to see that it runs
 *
 * The connector has one core, the generator the other.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { load } from './support/backlog.ts'
import { ConnectorProcess, programOf } from './support/connector-process.ts'
import { deviceBytes } from './support/device-bytes.ts'
import type { LoadOptions } from './support/mqtt-load.ts'
import { median } from './support/percentiles.ts'
import { cpuSecondsOf, rssBytesOf } from './support/process-cost.ts'
import { writeReport } from './support/report.ts'

const SERVER_CORE = 0
const IDLE_MS = 1_500
const GIBIBYTE = 1024 ** 3
const MEBIBYTE = 1024 ** 2

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    against: { type: 'string' },
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
  ...[1, 8, 50, 500].map((channels) => ({
    name: `4 × 1,000 over ${channels}`,
    messages: 500_000,
    options: { connections: 4, window: 1_000, channels },
  })),
  {
    name: '1 × 1,000 over 8',
    messages: 300_000,
    options: { connections: 1, window: 1_000, channels: 8 },
  },
  { name: '50 × 1 over 8', messages: 60_000, options: { connections: 50, window: 1, channels: 8 } },
  { name: '1 × 1', messages: 5_000, options: { connections: 1, window: 1, channels: 1 } },
  {
    name: 'steady 1,000/s over 8',
    messages: 15_000,
    options: { connections: 8, channels: 8, rate: 1_000, window: 10_000 },
  },
  {
    name: 'steady 10,000/s over 8',
    messages: 100_000,
    options: { connections: 8, channels: 8, rate: 10_000, window: 10_000 },
  },
]

interface Figures {
  readonly perSecond: number
  readonly cpuMicroseconds: number
  readonly writtenBytes: number
  readonly pubackP50Ms: number
  readonly pubackP99Ms: number
  readonly rssMegabytes: number
}

/** Background work of a start, such as making room for the journal, is not measured. */
async function untilIdle(pid: number): Promise<void> {
  const writtenBytes = () => writtenBytesOf(pid)
  for (let before = -1, now = writtenBytes(); before !== now; now = writtenBytes()) {
    before = now
    await delay(IDLE_MS)
  }
}

/**
 * Counts whole dirty pages, or whole folios of a file that the kernel keeps in large folios.
 */
function writtenBytesOf(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
}

async function run(program: string | undefined, { messages, options }: Load): Promise<Figures> {
  const config = { storage: { maxBytes: 4 * GIBIBYTE }, log: { level: 'error' } }
  const connector = await ConnectorProcess.start(config, SERVER_CORE, [], program)
  try {
    const scale = flags.smoke ? 0.01 : 1
    const count = Math.ceil(messages * scale)
    await load(connector.port, { ...options, envelope: true, messages: Math.ceil(count / 3) })
    await untilIdle(connector.pid)
    const before = { cpu: cpuSecondsOf(connector.pid), bytes: deviceBytes(connector.directory) }
    const result = await load(connector.port, { ...options, envelope: true, messages: count })
    const after = { cpu: cpuSecondsOf(connector.pid), bytes: deviceBytes(connector.directory) }
    return {
      perSecond: Math.round(result.messages / result.seconds),
      cpuMicroseconds: Math.round(((after.cpu - before.cpu) * 1e8) / result.messages) / 100,
      writtenBytes: Math.round((after.bytes - before.bytes) / result.messages),
      pubackP50Ms: result.pubackMs?.p50 ?? Number.NaN,
      pubackP99Ms: result.pubackMs?.p99 ?? Number.NaN,
      rssMegabytes: Math.round(rssBytesOf(connector.pid) / MEBIBYTE),
    }
  } finally {
    await connector.stop('SIGKILL')
  }
}

function summary(rounds: readonly Figures[]) {
  const of = (key: keyof Figures) => rounds.map((round) => round[key])
  const show = (key: keyof Figures) => {
    const values = of(key).filter((value) => !Number.isNaN(value))
    if (values.length === 0) return ''
    return `${median(values)} [${Math.min(...values)}-${Math.max(...values)}]`
  }
  return {
    'messages/s': show('perSecond'),
    'CPU µs': show('cpuMicroseconds'),
    'bytes written': show('writtenBytes'),
    'PUBACK p50 ms': show('pubackP50Ms'),
    'p99 ms': show('pubackP99Ms'),
    'RSS MB': show('rssMegabytes'),
  }
}

const wanted = LOADS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
)
const builds = [
  { name: 'this', program: undefined },
  ...(flags.against === undefined ? [] : [{ name: 'against', program: programOf(flags.against) }]),
]
const results: { load: string; build: string; rounds: Figures[] }[] = []
for (const one of wanted) {
  const rows = builds.map(({ name }) => ({ load: one.name, build: name, rounds: [] as Figures[] }))
  for (let round = 0; round < (flags.smoke ? 1 : Number(flags.rounds)); round++) {
    for (const [index, { program }] of builds.entries()) {
      rows[index]?.rounds.push(await run(program, one))
      process.stderr.write(
        `${one.name}  ${builds[index]?.name}  ${JSON.stringify(rows[index]?.rounds.at(-1))}\n`,
      )
    }
  }
  results.push(...rows)
}
writeReport(flags.json, { results })
console.table(
  Object.fromEntries(
    results.map(({ load: name, build, rounds }) => [`${name}, ${build}`, summary(rounds)]),
  ),
)
