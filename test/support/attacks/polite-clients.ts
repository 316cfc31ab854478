/**
 * Run with `fork`: clients that behave well, and feel what a server does to them. Publishers publish
 * at QoS 1 every 20 ms and measure how long each acknowledgement takes. A subscriber, if there is
 * one, acknowledges at once what it receives. See `PoliteReport` for what they report.
 */
import { openSync, readSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { subscribePacket } from '../mqtt/mqtt-wire.ts'
import type { PoliteOptions, PoliteReport } from './polite-report.ts'
import { WireClient } from './wire-client.ts'

const PUBLISHERS = 4
const EVERY_MS = 20
/** The server has this long to acknowledge the last messages. */
const LAST_ACK_WITHIN_MS = 15_000

const options: PoliteOptions = JSON.parse(process.argv[2] ?? '{}')
const latencies: number[] = []
const closed: string[] = []
let published = 0
let acknowledged = 0
let received = 0
let isStopped = false
let calmP99Ms = 0

/** Counts how long a process was ready to run while others had the processors. */
class CpuWait {
  readonly #file: number
  readonly #bytes = Buffer.alloc(100)

  constructor(pid: number | 'self') {
    this.#file = openSync(`/proc/${pid}/schedstat`, 'r')
  }

  get totalMs(): number {
    try {
      const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0)
      return Number(this.#bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6
    } catch {
      return 0
    }
  }
}

const waits = [new CpuWait(options.serverPid), new CpuWait('self')]

/** A time that stands still while another program has the processor. */
function nowMs(): number {
  return waits.reduce((ms, wait) => ms - wait.totalMs, performance.now())
}

class Publisher {
  readonly #client: WireClient
  readonly #sentAt = new Map<number, number>()
  #id = 0

  constructor(client: WireClient, name: string) {
    this.#client = client
    client.onPacket = (packet) => {
      if (packet[0] === 0x40) this.#acknowledged(packet.readUInt16BE(2))
    }
    void client.closed.then(() => {
      if (!isStopped) closed.push(`${name}: ${client.lastPacket}`)
    })
  }

  get waiting(): Iterable<number> {
    return this.#sentAt.values()
  }

  publish(): void {
    if (this.#client.isClosed) return
    this.#id = (this.#id % 65_535) + 1
    const id = `polite-${process.pid}-${published++}`
    const payload = JSON.stringify({ request: { message: '{"temperature":21}' }, id })
    this.#sentAt.set(this.#id, nowMs())
    this.#client.publish({ topic: options.topic, payload, qos: 1, id: this.#id })
  }

  #acknowledged(id: number): void {
    const sentAt = this.#sentAt.get(id)
    if (sentAt === undefined) return
    this.#sentAt.delete(id)
    acknowledged++
    latencies.push(Math.max(0, nowMs() - sentAt))
  }
}

async function startSubscriber(filter: string): Promise<void> {
  const client = await WireClient.connect({ ...options.reader, clientId: 'polite-subscriber' })
  client.onPacket = (packet) => {
    if (packet[0] !== 0x32 && packet[0] !== 0x3a) return
    const topicAt = headerLength(packet)
    const idAt = topicAt + 2 + packet.readUInt16BE(topicAt)
    const topic = packet.toString('utf8', topicAt + 2, idAt)
    if (topic === options.topic) received++
    client.acknowledge(packet.readUInt16BE(idAt))
  }
  await client.subscribe(subscribePacket(1, { [filter]: 1 }))
  void client.closed.then(() => {
    if (!isStopped) closed.push(`subscriber: ${client.lastPacket}`)
  })
}

function headerLength(packet: Buffer): number {
  let at = 1
  while ((packet[at] ?? 0) >= 0x80) at++
  return at + 1
}

const publishers: Publisher[] = []
for (let index = 0; index < PUBLISHERS; index++) {
  const clientId = `polite-${index}`
  const client = await WireClient.connect({ ...options.publisher, clientId })
  publishers.push(new Publisher(client, clientId))
}
if (options.filter !== undefined) await startSubscriber(options.filter)
for (const [index, publisher] of publishers.entries()) {
  await setTimeout(index === 0 ? 0 : EVERY_MS / PUBLISHERS)
  setInterval(() => {
    if (!isStopped) publisher.publish()
  }, EVERY_MS)
}

function percentile(part: number): number {
  latencies.sort((one, other) => one - other)
  return latencies[Math.ceil(latencies.length * part) - 1] ?? Number.POSITIVE_INFINITY
}

/** What was measured so far is what this machine makes of a server that nobody attacks. */
function beginToMeasure(): void {
  calmP99Ms = percentile(0.99)
  latencies.length = 0
}

async function report(): Promise<PoliteReport> {
  isStopped = true
  const untilMs = performance.now() + LAST_ACK_WITHIN_MS
  const isDone = (): boolean =>
    acknowledged === published && (options.filter === undefined || received >= published)
  while (!isDone() && closed.length === 0 && performance.now() < untilMs) await setTimeout(5)
  for (const { waiting } of publishers) {
    for (const sentAt of waiting) latencies.push(Math.max(0, nowMs() - sentAt))
  }
  return {
    published,
    acknowledged,
    received,
    closed,
    count: latencies.length,
    calmP99Ms,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    maxMs: percentile(1),
  }
}

process.on('message', (request) => {
  if (request === 'measure') beginToMeasure()
  else void report().then((done) => process.send?.(done))
})
process.on('disconnect', () => process.exit(0))
process.send?.('publishing')
