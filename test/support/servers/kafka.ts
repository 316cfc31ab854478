/**
 * Apache Kafka as one process, broker and controller. `scripts/fetch/kafka.mjs` fetches its
 * packages.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findCommand } from './find-command.ts'
import { type Cleanup, freePorts, ServerProcess, serverDirectory } from './server-process.ts'

const JAVA = findCommand('java')
const PACKAGES =
  process.env['KAFKA_PACKAGES'] ?? join(homedir(), '.cache', 'iot-analytics-connector', 'kafka')
const CLUSTER_ID = 'dGVzdC1jbHVzdGVyLWlkMQ'
/** Quick to start, and small: these are short tests of little data. */
const JVM = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
const LOGGING = [
  '-Dlog4j2.level=WARN',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dlog4j2.StatusLogger.level=OFF',
]

export const skipWithoutKafka: string | false =
  JAVA !== undefined && existsSync(join(PACKAGES, 'complete'))
    ? false
    : 'Kafka is missing: apt-get install openjdk-17-jre-headless maven && node scripts/fetch/kafka.mjs'

export interface KafkaOptions {
  /** Lines for server.properties. A later line replaces an earlier one with the same key. */
  readonly properties?: readonly string[]
  /**
   * A listener for clients beside the plain one, for example
   * `{ name: 'SASL', protocol: 'SASL_PLAINTEXT' }`; its port is `Kafka.securePort`.
   */
  readonly listener?: { readonly name: string; readonly protocol: string }
  /** The port that clients get from the broker, if that is a proxy. By default its own. */
  readonly advertisedPort?: number
  /** Of a broker that joins the node 1 with this controller. */
  readonly node?: { readonly id: number; readonly controllerPort: number }
}

interface KafkaPorts {
  readonly port: number
  readonly securePort: number
  readonly controllerPort: number
}

export class Kafka {
  readonly port: number
  readonly securePort: number
  readonly controllerPort: number
  readonly directory: string
  readonly process: ServerProcess

  constructor(ports: KafkaPorts, directory: string, process: ServerProcess) {
    this.port = ports.port
    this.securePort = ports.securePort
    this.controllerPort = ports.controllerPort
    this.directory = directory
    this.process = process
  }

  get broker(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Runs one of Kafka's own tools, for example `kafka.admin.ConfigCommand`. Takes about 1 s. */
  tool(className: string, args: readonly string[], input = ''): string {
    return runTool(className, args, input)
  }
}

export async function startKafka(t: Cleanup, options: KafkaOptions = {}): Promise<Kafka> {
  const directory = serverDirectory(t, 'kafka')
  const [port = 0, securePort = 0, freePort = 0] = await freePorts(3)
  const ports = { port, securePort, controllerPort: options.node?.controllerPort ?? freePort }
  const file = join(directory, 'server.properties')
  const lines = [
    ...propertiesOf(options, ports),
    `log.dirs=${join(directory, 'data')}`,
    ...(options.properties ?? []),
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  runTool('kafka.tools.StorageTool', ['format', '-t', CLUSTER_ID, '-c', file])
  const process = new ServerProcess(t, {
    command: JAVA ?? 'java',
    args: [...JVM, ...LOGGING, '-cp', `${PACKAGES}/*`, 'kafka.Kafka', file],
    cwd: directory,
    answers: () => answersApiVersions(port),
  })
  await process.start()
  return new Kafka(ports, directory, process)
}

/** Brokers that replicate each other. The first one is the controller, and must not be stopped. */
export async function startKafkaCluster(t: Cleanup, count: number): Promise<readonly Kafka[]> {
  const properties = [
    `transaction.state.log.replication.factor=${count}`,
    `transaction.state.log.min.isr=${count - 1}`,
    `min.insync.replicas=${count - 1}`,
    // A broker that was killed is noticed soon.
    'broker.session.timeout.ms=3000',
    'broker.heartbeat.interval.ms=500',
  ]
  const first = await startKafka(t, { properties })
  const { controllerPort } = first
  const others = Array.from({ length: count - 1 }, (_, index) =>
    startKafka(t, { properties, node: { id: index + 2, controllerPort } }),
  )
  return [first, ...(await Promise.all(others))]
}

function propertiesOf(
  { listener, advertisedPort, node }: KafkaOptions,
  { port, securePort, controllerPort }: KafkaPorts,
): string[] {
  const control = node === undefined ? `,CONTROLLER://127.0.0.1:${controllerPort}` : ''
  const plain = `PLAINTEXT://127.0.0.1:${port}`
  const advertised = `PLAINTEXT://127.0.0.1:${advertisedPort ?? port}`
  const secure = listener === undefined ? '' : `,${listener.name}://127.0.0.1:${securePort}`
  const protocol = listener === undefined ? '' : `,${listener.name}:${listener.protocol}`
  return [
    `process.roles=${node === undefined ? 'broker,controller' : 'broker'}`,
    `node.id=${node?.id ?? 1}`,
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=${plain}${control}${secure}`,
    `advertised.listeners=${advertised}${secure}`,
    'controller.listener.names=CONTROLLER',
    `listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${protocol}`,
    'inter.broker.listener.name=PLAINTEXT',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=2',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
  ]
}

function runTool(className: string, args: readonly string[], input = ''): string {
  const command = [...JVM, ...LOGGING, '-cp', `${PACKAGES}/*`, className, ...args]
  const { status, stdout, stderr } = spawnSync(JAVA ?? 'java', command, {
    encoding: 'utf8',
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  if (status !== 0) throw new Error(`${className}: ${stdout}${stderr}`)
  return stdout
}

/** A listener accepts connections before the broker works; ApiVersions is answered only then. */
function answersApiVersions(port: number): Promise<boolean> {
  // Length 14, ApiVersions version 0, correlation id 1, client id "test".
  const request = Buffer.from('0000000e0012000000000001000474657374', 'hex')
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(request))
    socket.setTimeout(1_000, () => socket.destroy())
    socket.once('data', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
