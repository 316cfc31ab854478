/**
 * The MQTT server alone, with an intake that stores nothing: CPU per message in, per delivery out,
 * connections per second, memory per idle connection. The clients run in a process of their own;
 * CPU is that of this process, user and system, all threads.
 *
 *     node build/bench/mqtt-server.bench.js [--rounds 3] [--smoke]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/clock.ts'
import { silentObserver } from '../src/observer.ts'
import { MqttServer } from '../src/sources/mqtt-server/mqtt-server.ts'
import { mqttServerOptions } from '../src/sources/mqtt-server/options.ts'
import type { CommitListener, Intake, Route } from '../src/sources/source.ts'

interface Task {
  readonly port: number
  readonly qos: 0 | 1 | 2
  readonly messages: number
  readonly subscribers: number
  readonly idle: number
}

interface Scenario extends Omit<Task, 'port'> {
  readonly name: string
  /** The unit of the result. */
  readonly per: 'message' | 'delivery' | 'connection'
}

const NOTHING = { qos: 0, messages: 0, subscribers: 0, idle: 0 } as const
const SCENARIOS: readonly Scenario[] = [
  { name: 'publish QoS 0', per: 'message', ...NOTHING, messages: 1_000_000 },
  { name: 'publish QoS 1', per: 'message', ...NOTHING, qos: 1, messages: 1_000_000 },
  { name: 'publish QoS 2', per: 'message', ...NOTHING, qos: 2, messages: 500_000 },
  { name: 'fan-out to 1', per: 'delivery', ...NOTHING, subscribers: 1, messages: 200_000 },
  { name: 'fan-out to 10', per: 'delivery', ...NOTHING, subscribers: 10, messages: 50_000 },
  { name: 'fan-out to 100', per: 'delivery', ...NOTHING, subscribers: 100, messages: 5_000 },
  { name: 'connections', per: 'connection', ...NOTHING, idle: 5_000 },
]
const PAYLOAD_BYTES = 100
const WINDOW = 1_000
const PUBACK = 0x40
const PUBREC = 0x50
const PUBREL = 0x62
const PUBCOMP = 0x70
const ROUTED = 'iotanalytics/channels/bench/messages/binary/put'
const PASSED_ON = 'bench/fan-out'

/** Commits at the end of each turn of the event loop, like a disk that takes no time. */
class NullIntake implements Intake {
  readonly isSaturated = false
  readonly isCollecting = false
  readonly #route: Route = { kind: 'binary' }
  #listener: CommitListener | undefined
  #cycle = 0
  #isScheduled = false

  route(topic: string): Route | undefined {
    return topic === ROUTED ? this.#route : undefined
  }

  accept(): number {
    if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => {
        this.#isScheduled = false
        this.#listener?.committed(this.#cycle++)
      })
    }
    return this.#cycle
  }

  refuse(): void {}

  listen(listener: CommitListener): void {
    this.#listener = listener
  }
}

async function measure(scenario: Scenario, scale: number) {
  const server = new MqttServer({
    options: mqttServerOptions.parse({ port: 0 }),
    observer: silentObserver,
    clock: systemClock,
    protectedTopics: [],
  })
  await server.start(new NullIntake())
  const client = fork(fileURLToPath(import.meta.url), ['--client'], { stdio: 'inherit' })
  const messages = Math.ceil(scenario.messages * scale)
  const task: Task = {
    ...scenario,
    messages,
    idle: Math.ceil(scenario.idle * scale),
    port: server.port,
  }
  await finished(client, { ...task, messages: Math.ceil(messages / 10), idle: 0 })

  const rssBefore = process.memoryUsage.rss()
  const before = process.cpuUsage()
  const startedAt = performance.now()
  await finished(client, task)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(before)
  const units = scenario.idle > 0 ? task.idle : messages * Math.max(1, scenario.subscribers)
  const bytes = process.memoryUsage.rss() - rssBefore
  client.kill()
  await once(client, 'exit')
  await server.close()
  return {
    cpuMicroseconds: (user + system) / units,
    perSecond: Math.round(units / seconds),
    ...(scenario.idle > 0 && { rssBytesEach: Math.round(bytes / units) }),
  }
}

async function finished(client: ChildProcess, task: Task): Promise<void> {
  client.send(task)
  await once(client, 'message')
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function bench(rounds: number, scale: number): Promise<void> {
  const all = new Map<string, Awaited<ReturnType<typeof measure>>[]>()
  for (let round = 0; round < rounds; round++) {
    for (const scenario of SCENARIOS) {
      const results = all.get(scenario.name) ?? []
      all.set(scenario.name, [...results, await measure(scenario, scale)])
    }
  }
  const figures = SCENARIOS.map(({ name, per }) => {
    const results = all.get(name) ?? []
    const cpu = results.map(({ cpuMicroseconds }) => Number(cpuMicroseconds.toFixed(3)))
    return {
      name,
      per,
      cpuMicroseconds: median(cpu),
      all: cpu,
      perSecond: median(results.map(({ perSecond }) => perSecond)),
      ...(results[0]?.rssBytesEach !== undefined && { rssBytesEach: results[0].rssBytesEach }),
    }
  })
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
  console.log(JSON.stringify({ machine, date: new Date().toISOString(), rounds, figures }, null, 2))
}

// The clients' side begins here.

function field(value: string): Buffer {
  return Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
}

/** All lengths in this benchmark are below 16,384. */
function packet(first: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

let clients = 0
async function admitted(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(packet(0x10, field('MQTT'), Buffer.from([4, 2, 0, 0]), field(`bench${clients++}`)))
  await once(socket, 'data')
  return socket
}

/** Resolves when `bytes` have come. */
function received(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let left = bytes
    socket.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left <= 0) resolve()
    })
  })
}

async function publishAll({ port, qos, messages }: Task, topic: string): Promise<void> {
  const socket = await admitted(port)
  let acknowledged = 0
  let wake = () => {}
  const last = qos === 2 ? PUBCOMP : PUBACK
  onAcknowledgements(socket, (packets) => {
    for (let at = 0; at < packets.length; at += 4) {
      if (packets[at] === last) acknowledged++
      // With another first byte these bytes are the PUBREL.
      else if (packets[at] === PUBREC) packets[at] = PUBREL
    }
    if (qos === 2) socket.write(onlyReleases(packets))
    wake()
  })
  for (let sent = 0; sent < messages; ) {
    const count = Math.min(WINDOW / 2, messages - sent)
    const publishes: Buffer[] = []
    for (let i = 0; i < count; i++) {
      const id = ((sent + i) % 60_000) + 1
      const packetId = Buffer.from(qos === 0 ? [] : [id >> 8, id & 255])
      publishes.push(
        packet(0x30 | (qos << 1), field(topic), packetId, Buffer.alloc(PAYLOAD_BYTES, 'x')),
      )
    }
    sent += count
    if (!socket.write(Buffer.concat(publishes))) await once(socket, 'drain')
    while (qos > 0 && sent - acknowledged > WINDOW / 2)
      await new Promise<void>((resolve) => (wake = resolve))
  }
  while (qos > 0 && acknowledged < messages) await new Promise<void>((resolve) => (wake = resolve))
  if (qos === 0) {
    const pong = once(socket, 'data')
    socket.write(Buffer.from([0xc0, 0]))
    await pong
  }
  socket.destroy()
}

/** Passes on whole packets of four bytes: a publisher gets no others here at QoS 1 and 2. */
function onAcknowledgements(socket: Socket, call: (packets: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    const bytes = Buffer.concat([rest, chunk])
    const whole = bytes.length - (bytes.length % 4)
    rest = bytes.subarray(whole)
    call(bytes.subarray(0, whole))
  })
}

function onlyReleases(packets: Buffer): Buffer {
  const releases: Buffer[] = []
  for (let at = 0; at < packets.length; at += 4) {
    if (packets[at] === PUBREL) releases.push(packets.subarray(at, at + 4))
  }
  return Buffer.concat(releases)
}

async function perform(task: Task): Promise<void> {
  const { port, subscribers, messages, idle } = task
  const topic = subscribers > 0 ? PASSED_ON : ROUTED
  const bytes = packet(0x30, field(topic), Buffer.alloc(PAYLOAD_BYTES)).length * messages
  const listeners: Socket[] = []
  const arrivals: Promise<void>[] = []
  for (let i = 0; i < subscribers; i++) {
    const listener = await admitted(port)
    listener.write(packet(0x82, Buffer.from([0, 1]), field(topic), Buffer.from([0])))
    await once(listener, 'data')
    arrivals.push(received(listener, bytes))
    listeners.push(listener)
  }
  if (messages > 0) await publishAll(task, topic)
  await Promise.all(arrivals)
  for (const listener of listeners) listener.destroy()
  for (let i = 0; i < idle; i += 50) {
    await Promise.all(Array.from({ length: Math.min(50, idle - i) }, () => admitted(port)))
  }
}

if (process.argv.includes('--client')) {
  process.on('message', (task: Task) => {
    void perform(task).then(() => process.send?.('done'))
  })
} else {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      smoke: { type: 'boolean', default: false },
    },
  })
  await bench(values.smoke ? 1 : Number(values.rounds), values.smoke ? 0.01 : 1)
}
