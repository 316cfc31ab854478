/**
 * An MQTT 3.1.1 load generator, run as a program of its own so that its CPU is not the connector's.
 * All packets are made beforehand: sending is one write of a slice, counting PUBACKs a division, so
 * that the generator is not the limit of a measurement (about 0.1 µs a message).
 *
 * Takes one JSON argument (`LoadOptions`), prints a line when the warm-up is over, and one JSON
 * line (`LoadResult`) about what came after it.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { variableLength } from './mqtt-packets.ts'
import { percentiles } from './percentiles.ts'

export interface LoadOptions {
  readonly port: number
  readonly qos: 0 | 1
  readonly messages: number
  /** Messages before the measurement: a cold program mostly costs its compiler. */
  readonly warmUpMessages: number
  readonly payloadBytes: number
  readonly connections: number
  /** Unacknowledged messages per connection at most. */
  readonly window: number
  readonly channels: number
  /** Wrap the payload in the specification's envelope, with an id. */
  readonly envelope: boolean
  /** Subscribe to receipts, and have at most this number outstanding; 0: do not subscribe. */
  readonly maxOutstandingReceipts: number
  /** Messages a second over all connections; 0: as fast as they are accepted. */
  readonly rate: number
}

export interface LoadResult {
  readonly messages: number
  readonly seconds: number
  readonly acknowledged: number
  readonly receipts: number
  readonly failures: number
  /** In milliseconds; only if a rate was given, because at saturation they measure the window. */
  readonly pubackMs?: ReturnType<typeof percentiles>
  readonly receiptMs?: ReturnType<typeof percentiles>
}

/** Packet ids in use per connection; a slot determines a message's id and holds its send time. */
const SLOTS = 60_000
const STATUS_TOPIC = 'iotanalytics/messages/put/status'
const MAX_WRITE_BYTES = 64 * 1024
const MAX_BUFFERED_BYTES = 512 * 1024

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions
const perConnection = Math.floor((options.warmUpMessages + options.messages) / options.connections)
const pubackMs: number[] = []
const receiptMs: number[] = []
let outstandingReceipts = 0
let receipts = 0
let failures = 0
let startedAt = 0
let isWarm = false

class Publisher {
  readonly #socket: Socket
  readonly #packets: Buffer
  readonly #offsets: Uint32Array
  readonly sentAt = new Float64Array(SLOTS)
  #sent = 0
  #acknowledged = 0
  #partial: Buffer = Buffer.alloc(0)
  readonly #startedAt = performance.now()

  constructor(socket: Socket, index: number) {
    this.#socket = socket
    const packets: Buffer[] = []
    this.#offsets = new Uint32Array(SLOTS + 1)
    for (let slot = 0; slot < SLOTS; slot++) {
      const packet = publishPacket(index, slot)
      packets.push(packet)
      this.#offsets[slot + 1] = (this.#offsets[slot] ?? 0) + packet.length
    }
    this.#packets = Buffer.concat(packets)
    socket.on('data', (bytes) => this.#countAcks(bytes))
    socket.on('drain', () => this.pump())
  }

  get sent(): number {
    return this.#sent
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  get isDone(): boolean {
    return this.#sent === perConnection && (options.qos === 0 || this.#acknowledged === this.#sent)
  }

  pump(): void {
    while (this.#socket.writableLength < MAX_BUFFERED_BYTES) {
      const count = this.#sendable()
      if (count <= 0) return
      const first = this.#sent % SLOTS
      const start = this.#offsets[first] ?? 0
      let last = Math.min(first + count, SLOTS)
      while (last > first + 1 && (this.#offsets[last] ?? 0) - start > MAX_WRITE_BYTES) {
        last = first + Math.ceil((last - first) / 2)
      }
      this.sentAt.fill(performance.now(), first, last)
      this.#socket.write(this.#packets.subarray(start, this.#offsets[last]))
      this.#sent += last - first
      outstandingReceipts += last - first
    }
  }

  #sendable(): number {
    let count = perConnection - this.#sent
    if (options.qos === 1) count = Math.min(count, options.window - this.#sent + this.#acknowledged)
    if (options.maxOutstandingReceipts > 0) {
      count = Math.min(count, options.maxOutstandingReceipts - outstandingReceipts)
    }
    if (options.rate > 0) {
      const elapsed = (performance.now() - this.#startedAt) / 1000
      const due = Math.floor((elapsed * options.rate) / options.connections) + 1
      count = Math.min(count, due - this.#sent)
    }
    return count
  }

  #countAcks(bytes: Buffer): void {
    const all = this.#partial.length === 0 ? bytes : Buffer.concat([this.#partial, bytes])
    const whole = all.length - (all.length % 4)
    if (options.rate > 0 && isWarm) {
      const now = performance.now()
      for (let at = 0; at < whole; at += 4) {
        pubackMs.push(now - (this.sentAt[all.readUInt16BE(at + 2) - 1] ?? now))
      }
    }
    this.#acknowledged += whole / 4
    this.#partial = all.subarray(whole)
    this.pump()
  }
}

function publishPacket(connection: number, slot: number): Buffer {
  const channel = String(slot % options.channels).padStart(2, '0')
  const topic = Buffer.from(
    `iotanalytics/channels/ch${channel}/messages/${options.envelope ? '' : 'binary/'}put`,
  )
  const inner = `{"temp":23.33,"pad":"${'x'.repeat(Math.max(0, options.payloadBytes - 23))}"}`
  const id = `r${String(connection * SLOTS + slot).padStart(9, '0')}`
  const payload = Buffer.from(
    options.envelope ? JSON.stringify({ request: { message: inner }, id }) : inner,
  )
  const packetId = options.qos === 0 ? [] : [(slot + 1) >> 8, (slot + 1) & 255]
  const body = [topic.length >> 8, topic.length & 255, ...topic, ...packetId]
  return Buffer.concat([
    Buffer.from([0x30 | (options.qos << 1), ...variableLength(body.length + payload.length)]),
    Buffer.from(body),
    payload,
  ])
}

async function open(clientId: string): Promise<Socket> {
  const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const id = Buffer.from(clientId)
  socket.write(Buffer.from([0x10, 12 + id.length, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 0, 0]))
  socket.write(Buffer.from([id.length, ...id]))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  if (connack[3] !== 0) throw new Error(`CONNACK ${connack.toString('hex')}`)
  socket.on('close', () => {
    if (!isFinished) throw new Error('the server closed the connection')
  })
  return socket
}

async function subscribeToReceipts(): Promise<void> {
  const socket = await open('load-receipts')
  const topic = Buffer.from(STATUS_TOPIC)
  socket.write(Buffer.from([0x82, topic.length + 5, 0, 1, 0, topic.length, ...topic, 0]))
  await once(socket, 'data')
  let partial: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    const all = partial.length === 0 ? bytes : Buffer.concat([partial, bytes])
    const used = countReceipts(all)
    partial = all.subarray(used)
    for (const publisher of publishers) publisher.pump()
  })
}

function countReceipts(all: Buffer): number {
  const now = performance.now()
  let at = 0
  for (;;) {
    const lengthBytes = (all[at + 1] ?? 0) < 128 ? 1 : 2
    if (at + 1 + lengthBytes > all.length) return at
    const second = lengthBytes === 2 ? (all[at + 2] ?? 0) : 0
    const end = at + 1 + lengthBytes + ((all[at + 1] ?? 0) & 127) + second * 128
    if (end > all.length) return at
    receipts++
    outstandingReceipts--
    if (all.indexOf('"success"', at, 'latin1') > end) failures++
    if (options.rate > 0 && isWarm) noteReceiptTime(all, end, now)
    at = end
  }
}

/** A receipt ends in `"id":"r000000000"}`. */
function noteReceiptTime(all: Buffer, end: number, now: number): void {
  const number = Number(all.toString('latin1', end - 11, end - 2))
  const sentAt = publishers[Math.floor(number / SLOTS)]?.sentAt[number % SLOTS]
  if (sentAt !== undefined) receiptMs.push(now - sentAt)
}

let sentBefore = 0

/** The measurement begins here. */
function warm(): void {
  isWarm = true
  startedAt = performance.now()
  sentBefore = sum((publisher) => publisher.sent)
  process.stdout.write('warm\n')
}

function sum(figure: (publisher: Publisher) => number): number {
  return publishers.reduce((total, publisher) => total + figure(publisher), 0)
}

let isFinished = false
const publishers: Publisher[] = []
if (options.maxOutstandingReceipts > 0) await subscribeToReceipts()
const sockets: Socket[] = []
for (let index = 0; index < options.connections; index++) sockets.push(await open(`load-${index}`))
publishers.push(...sockets.map((socket, index) => new Publisher(socket, index)))
for (const publisher of publishers) publisher.pump()
await new Promise<void>((resolve) => {
  const timer = setInterval(
    () => {
      if (options.rate > 0) for (const publisher of publishers) publisher.pump()
      if (!isWarm && sum((publisher) => publisher.sent) >= options.warmUpMessages) warm()
      const areReceiptsIn = options.maxOutstandingReceipts === 0 || outstandingReceipts === 0
      if (!areReceiptsIn || !publishers.every((publisher) => publisher.isDone)) return
      clearInterval(timer)
      resolve()
    },
    options.rate > 0 ? 1 : 5,
  )
})
const seconds = (performance.now() - startedAt) / 1000
isFinished = true
const result: LoadResult = {
  messages: sum((publisher) => publisher.sent) - sentBefore,
  seconds,
  acknowledged: sum((publisher) => publisher.acknowledged),
  receipts,
  failures,
  ...(pubackMs.length > 0 ? { pubackMs: percentiles(pubackMs) } : {}),
  ...(receiptMs.length > 0 ? { receiptMs: percentiles(receiptMs) } : {}),
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
