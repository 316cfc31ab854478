/**
 * What delivery costs, from the log on disk to each kind of destination: CPU µs per message of the
 * connector's process, messages per second and memory; beside it another client that sends the same
 * messages from memory to the same peer, in batches of the same size.
 *
 *     npm run bench:destinations                       all kinds, three rounds
 *     npm run bench:destinations -- kafka nats         kinds whose names begin so
 *     npm run bench:destinations -- --json FILE --rounds 5 --messages 600000
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as awsKinds from './destinations/aws-kinds.ts'
import { CLIENT_TITLES, type ClientJob } from './destinations/clients/client.ts'
import type { ClientFigures } from './destinations/clients/main.ts'
import { type BenchKind, type BenchPeer, CONNECTOR_CORE, PEER_CORE } from './destinations/kind.ts'
import { type Backlog, measuredRun, type RunFigures } from './destinations/measured-run.ts'
import { fillDirectory } from './destinations/messages.ts'
import * as serverKinds from './destinations/server-kinds.ts'
import { linesOf, pinned, pinThisProcess, stopped } from './support/connector-process.ts'
import { median, spread } from './support/percentiles.ts'
import { writeReport } from './support/report.ts'

const KINDS: readonly BenchKind[] = [
  awsKinds.s3Lines,
  awsKinds.s3Parquet,
  awsKinds.s3Columns,
  serverKinds.kafka,
  serverKinds.kafkaTransactions,
  awsKinds.kinesis,
  awsKinds.firehose,
  awsKinds.http,
  serverKinds.influx,
  serverKinds.postgres,
  serverKinds.nats,
  serverKinds.chain,
]
const CHANNELS = 4
const WARM_UP = 0.25
/** Other clients take longer for a message, so they get fewer. */
const CLIENT_SHARE = 0.25

interface Row {
  readonly kind: string
  readonly peer: string
  readonly target: number
  readonly connector: readonly RunFigures[]
  readonly client?: { readonly name: string; readonly rounds: readonly ClientFigures[] }
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    messages: { type: 'string', default: '600000' },
    json: { type: 'string' },
  },
})
const rounds = Number(flags.rounds)
const messages = Number(flags.messages)

/** Backlogs by the number of channels, made once and copied for each run. */
class Backlogs {
  readonly #directory: string
  readonly #made = new Map<number, Backlog>()

  constructor(directory: string) {
    this.#directory = directory
  }

  async of(channels: number): Promise<Backlog> {
    const known = this.#made.get(channels)
    if (known !== undefined) return known
    const backlog = { directory: join(this.#directory, String(channels)), messages }
    await fillDirectory(backlog.directory, messages, channels)
    this.#made.set(channels, backlog)
    return backlog
  }
}

async function rowOf(kind: BenchKind, backlogs: Backlogs): Promise<Row> {
  const { name, target, channels = CHANNELS } = kind
  const backlog = await backlogs.of(channels)
  const releases: (() => unknown)[] = []
  const connector: RunFigures[] = []
  const client: ClientFigures[] = []
  try {
    const peer = await kind.start({ after: (release) => releases.unshift(release) })
    for (let round = 0; round < rounds; round++) {
      connector.push(await runConnector(kind, peer, backlog, `${name}-${round}`))
      progress(name, round, 'connector', connector.at(-1))
      const figures = await runClient(kind, peer, `${name}-client-${round}`)
      if (figures === undefined) continue
      client.push(figures)
      progress(name, round, 'client', figures)
    }
  } finally {
    for (const release of releases) await release()
  }
  const row = { kind: name, peer: kind.peer, target, connector }
  if (kind.client === undefined) return row
  return { ...row, client: { name: CLIENT_TITLES[kind.client.name], rounds: client } }
}

async function runConnector(
  { name }: BenchKind,
  peer: BenchPeer,
  backlog: Backlog,
  run: string,
): Promise<RunFigures> {
  const settings = await peer.connector(run)
  const warmUp = messages * WARM_UP
  const { otherPid } = peer
  const connectorId = `bench-${name}-${run}`
  return measuredRun({ ...settings, backlog, warmUp, connectorId, core: CONNECTOR_CORE, otherPid })
}

async function runClient(
  { client, channels = CHANNELS }: BenchKind,
  peer: BenchPeer,
  run: string,
): Promise<ClientFigures | undefined> {
  if (client === undefined || peer.client === undefined) return undefined
  const count = channels === 1 ? messages : messages * CLIENT_SHARE
  const job: ClientJob = {
    ...client,
    ...(await peer.client(run)),
    messages: count,
    warmUp: count * WARM_UP,
    lanes: channels,
  }
  const program = join(import.meta.dirname, 'destinations', 'clients', 'main.js')
  const child = pinned(CONNECTOR_CORE, process.execPath, [
    '--no-warnings',
    program,
    JSON.stringify(job),
  ])
  try {
    return JSON.parse(await linesOf(child)()) as ClientFigures
  } finally {
    await stopped(child, 'SIGKILL')
  }
}

function progress(name: string, round: number, who: string, figures: unknown): void {
  process.stderr.write(`round ${round + 1}  ${name}  ${who}  ${JSON.stringify(figures)}\n`)
}

function medianText(values: readonly number[]): string {
  const [least, most] = spread(values)
  return `${median(values)} [${least}–${most}]`
}

function shown({ target, connector, client }: Row): Record<string, string | number> {
  const micros = (all: readonly { micros: number }[]) => medianText(all.map((one) => one.micros))
  const others = connector.flatMap(({ other }) => other ?? [])
  const ratios = (client?.rounds ?? []).map((one, at) => one.micros / (connector[at]?.micros ?? 1))
  return {
    'CPU µs': micros(connector),
    target,
    ...(others.length > 0 && { 'at the receiver': micros(others) }),
    'messages/s': median(connector.map(({ perSecond }) => perSecond)),
    'peak RSS MB': Math.max(...connector.map(({ rssMegabytes }) => rssMegabytes)),
    ...(client !== undefined && {
      'another client': client.name,
      'its CPU µs': micros(client.rounds),
      ratio: Number(median(ratios).toFixed(1)),
    }),
  }
}

function saveReport(): void {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' })
  const revision = { commit: commit.stdout.trim(), node: process.version }
  writeReport(flags.json, { ...revision, messages, rounds, rows })
}

pinThisProcess(PEER_CORE)
const chosen = KINDS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.startsWith(part)),
)
const directory = await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'bench-backlogs-'))
const rows: Row[] = []
try {
  const backlogs = new Backlogs(directory)
  for (const kind of chosen) {
    if (kind.skip === false) rows.push(await rowOf(kind, backlogs))
    else process.stderr.write(`${kind.name} is skipped. ${kind.skip}\n`)
    // After each kind, so that a run that is interrupted leaves its figures.
    saveReport()
  }
} finally {
  await rm(directory, { recursive: true, force: true })
}
console.table(Object.fromEntries(rows.map((row) => [row.kind, shown(row)])))
