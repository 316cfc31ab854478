/**
 * The connector on a slow medium such as an SD card or a busy disk: each synced write takes 20 or
 * 200 ms longer. QoS 1 into the log on disk, without a destination; beside the load a client keeps
 * asking for a PINGRESP.
 *
 *     npm run bench:slow-medium -- --json FILE
 *     npm run bench:slow-medium -- --smoke      seconds, to see that it runs
 *
 * The connector has one core, the generator the other.
 */
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { load } from './support/backlog.ts'
import { ConnectorProcess } from './support/connector-process.ts'
import type { LoadOptions } from './support/mqtt-load.ts'
import { connectPacket, PINGREQ } from './support/mqtt-packets.ts'
import { median, percentiles, spread } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'

const PROGRAM = join(import.meta.dirname, 'support', 'slow-disk-program.js')
const SERVER_CORE = 0
const PING_EVERY_MS = 50

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

interface Load {
  readonly name: string
  readonly syncMs: number
  readonly messages: number
  readonly options: Partial<LoadOptions>
}

const LOADS: readonly Load[] = [20, 200].flatMap((syncMs) => [
  {
    name: `sync of ${syncMs} ms, 4 × 1,000 over 8`,
    syncMs,
    messages: 6_000_000 / syncMs,
    options: { connections: 4, window: 1_000, channels: 8 },
  },
  {
    name: `sync of ${syncMs} ms, 4 × 10,000 over 8`,
    syncMs,
    messages: 20_000_000 / syncMs,
    options: { connections: 4, window: 10_000, channels: 8 },
  },
  {
    name: `sync of ${syncMs} ms, steady 5,000/s over 8`,
    syncMs,
    messages: 50_000,
    options: { connections: 8, channels: 8, rate: 5_000, window: 10_000 },
  },
])

/** Asks for a PINGRESP again and again; returns the milliseconds each took. */
async function pings(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(connectPacket('pinger'))
  await new Promise((resolve) => socket.once('data', resolve))
  const tookMs: number[] = []
  let sentAt = 0
  const send = () => {
    sentAt = performance.now()
    socket.write(PINGREQ)
  }
  socket.on('data', () => {
    tookMs.push(performance.now() - sentAt)
    setTimeout(send, PING_EVERY_MS)
  })
  send()
  return () => {
    socket.destroy()
    return percentiles(tookMs)
  }
}

async function run({ syncMs, messages, options }: Load) {
  process.env['SYNC_MS'] = String(syncMs)
  const config = { storage: { maxBytes: 4 * 1024 ** 3 }, log: { level: 'error' } }
  const connector = await ConnectorProcess.start(config, SERVER_CORE, [], PROGRAM)
  try {
    const count = flags.smoke ? 2_000 : messages
    await load(connector.port, { ...options, envelope: true, messages: Math.ceil(count / 3) })
    const endPings = await pings(connector.port)
    const { seconds, pubackMs } = await load(connector.port, {
      ...options,
      envelope: true,
      messages: count,
    })
    const pingMs = endPings()
    return {
      perSecond: Math.round(count / seconds),
      pubackP50Ms: pubackMs?.p50 ?? Number.NaN,
      pubackP99Ms: pubackMs?.p99 ?? Number.NaN,
      pingP99Ms: pingMs.p99,
      pingMaxMs: pingMs.max,
    }
  } finally {
    await connector.stop('SIGKILL')
  }
}

type Figures = Awaited<ReturnType<typeof run>>

function summary(rounds: readonly Figures[]) {
  const show = (key: keyof Figures) => {
    const values = rounds.map((round) => round[key]).filter((value) => !Number.isNaN(value))
    if (values.length === 0) return ''
    const [least, most] = spread(values)
    return `${median(values)} [${least}-${most}]`
  }
  return {
    'messages/s': show('perSecond'),
    'PUBACK p50 ms': show('pubackP50Ms'),
    'p99 ms': show('pubackP99Ms'),
    'PINGRESP p99 ms': show('pingP99Ms'),
    'at most': show('pingMaxMs'),
  }
}

const results: { load: string; rounds: Figures[] }[] = []
for (const one of LOADS) {
  const rounds: Figures[] = []
  for (let round = 0; round < (flags.smoke ? 1 : Number(flags.rounds)); round++) {
    rounds.push(await run(one))
    process.stderr.write(`${one.name}  ${JSON.stringify(rounds.at(-1))}\n`)
  }
  results.push({ load: one.name, rounds })
}
writeReport(flags.json, { results })
console.table(Object.fromEntries(results.map(({ load: name, rounds }) => [name, summary(rounds)])))
