/**
 * An MQTT client without manners: it sends any bytes at any speed, reads or does not read, and keeps
 * nothing but counts of what it receives.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  type ConnectFields,
  connectPacket,
  frame,
  type PublishFields,
  publishPacket,
} from '../mqtt/mqtt-wire.ts'

/** How a client reaches the server. */
export interface Way {
  readonly port: number
  /** The authority of the server's certificate: connects over TLS. */
  readonly caFile?: string | undefined
  readonly userName?: string
  readonly password?: string
  /** The address that the client comes from; by default 127.0.0.1. */
  readonly from?: string
}

export type WireClientOptions = Way & ConnectFields

export class WireClient {
  readonly socket: Socket
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>
  onPacket: (packet: Buffer) => void = () => undefined
  /** Packets received, by the first four bits. */
  readonly received: number[] = Array.from({ length: 16 }, () => 0)
  /** As hex, the beginning of the packet received last. */
  lastPacket = ''
  #partial: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true
        for (const wake of this.#wake.splice(0)) wake()
        resolve()
      })
    })
  }

  /** A connection that has not said anything yet. */
  static async open({ port, caFile, from }: Way): Promise<WireClient> {
    const where = { port, host: '127.0.0.1', noDelay: true, localAddress: from ?? '127.0.0.1' }
    if (caFile === undefined) {
      const client = new WireClient(connectTcp(where))
      await Promise.race([once(client.socket, 'connect').catch(() => undefined), client.closed])
      return client
    }
    const ca = readFileSync(caFile)
    const socket = connectTls({ socket: connectTcp(where), ca, servername: 'broker.test' })
    const client = new WireClient(socket)
    await Promise.race([once(socket, 'secureConnect').catch(() => undefined), client.closed])
    return client
  }

  /** A connection whose CONNECT was sent; see `isIn` for the answer. */
  static async try(options: WireClientOptions): Promise<WireClient> {
    const client = await WireClient.open(options)
    client.socket.write(connectPacket(options))
    await client.until(() => client.received[2] === 1)
    return client
  }

  /** A connected client. */
  static async connect(options: WireClientOptions): Promise<WireClient> {
    const client = await WireClient.try(options)
    if (!client.isIn) throw new Error(`${options.clientId}: CONNACK ${client.lastPacket}`)
    return client
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the last packet is a CONNACK that lets the client in. */
  get isIn(): boolean {
    return /^20..(?:00|01)00/.test(this.lastPacket)
  }

  /** Resolves when the bytes have left, or the connection is gone; at the latest after `withinMs`. */
  async send(bytes: Buffer, withinMs = 2_000): Promise<void> {
    if (this.#isClosed || this.socket.write(bytes)) return
    const isGone = (): boolean => !this.socket.writableNeedDrain
    this.socket.once('drain', () => this.#wakeAll())
    await this.until(isGone, withinMs)
  }

  publish(fields: PublishFields): void {
    if (!this.#isClosed) this.socket.write(publishPacket(fields))
  }

  acknowledge(id: number): void {
    if (!this.#isClosed) this.socket.write(frame(0x40, [id >> 8, id & 0xff]))
  }

  /** Resolves when each SUBSCRIBE has its SUBACK, or the connection is closed. */
  async subscribe(...packets: readonly Buffer[]): Promise<void> {
    const wanted = (this.received[9] ?? 0) + packets.length
    await this.send(Buffer.concat(packets))
    await this.until(() => (this.received[9] ?? 0) >= wanted)
  }

  /** Resolves when the server has handled everything sent, or has closed the connection. */
  async settled(withinMs = 5_000): Promise<void> {
    const before = this.received[13] ?? 0
    await this.send(Buffer.from('c000', 'hex'), withinMs)
    await this.until(() => (this.received[13] ?? 0) > before, withinMs)
  }

  /** Resolves when the condition holds, the connection is closed, or the time is over. */
  async until(condition: () => boolean, withinMs = 5_000): Promise<void> {
    const untilMs = performance.now() + withinMs
    while (!condition() && !this.#isClosed && performance.now() < untilMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, untilMs - performance.now()))
        this.#wake.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  stopReading(): void {
    this.socket.pause()
  }

  /** Ends without DISCONNECT. */
  drop(): void {
    this.socket.destroy()
  }

  #take(bytes: Buffer): void {
    let all = this.#partial.length === 0 ? bytes : Buffer.concat([this.#partial, bytes])
    for (let length = packetLength(all); length > 0; length = packetLength(all)) {
      const packet = all.subarray(0, length)
      const type = (packet[0] ?? 0) >> 4
      this.received[type] = (this.received[type] ?? 0) + 1
      this.lastPacket = packet.toString('hex', 0, 64)
      this.onPacket(packet)
      all = all.subarray(length)
    }
    this.#partial = all
    this.#wakeAll()
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}

/** The length of the first packet; 0 if it is not complete. */
function packetLength(bytes: Buffer): number {
  let length = 0
  for (let at = 1; at < Math.min(bytes.length, 5); at++) {
    length += ((bytes[at] ?? 0) & 0x7f) * 128 ** (at - 1)
    if ((bytes[at] ?? 0) < 0x80) return bytes.length > at + length ? at + 1 + length : 0
  }
  return 0
}
