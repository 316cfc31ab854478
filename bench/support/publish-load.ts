/**
 * Publishes at QoS 0, 1 or 2 as fast as the server takes it. All packets are made beforehand:
 * sending is one write of a slice; acknowledgements are counted, and PUBRECs answered, by the
 * chunk.
 */
import type { Socket } from 'node:net'
import type { PublishTask } from './broker-task.ts'
import { openClient } from './connect-load.ts'
import { PINGREQ, publishPacket } from './mqtt-packets.ts'

/** Packet ids in use. The window is far smaller, so no id is in use twice at the same time. */
const SLOTS = 20_000
const MAX_WRITE_BYTES = 64 * 1024
const MAX_BUFFERED_BYTES = 512 * 1024
const ACK_BYTES = 4
const PUBREC = 0x50
const PUBREL = 0x62
const PINGRESP_FIRST = 0xd0

export class PublishLoad {
  readonly #publishers: readonly Publisher[]

  private constructor(publishers: readonly Publisher[]) {
    this.#publishers = publishers
  }

  static async open(task: PublishTask): Promise<PublishLoad> {
    const packets = Array.from({ length: SLOTS }, (_, slot) =>
      publishPacket(task.topic, Buffer.alloc(task.payloadBytes, 'x'), task.qos, slot + 1),
    )
    const bytes = Buffer.concat(packets)
    const publishers: Publisher[] = []
    for (let index = 0; index < task.connections; index++) {
      const socket = await openClient(task.port, `publisher-${index}`)
      publishers.push(new Publisher(socket, bytes, task))
    }
    return new PublishLoad(publishers)
  }

  async run(messages: number): Promise<number> {
    const each = Math.ceil(messages / this.#publishers.length)
    await Promise.all(this.#publishers.map((publisher) => publisher.publish(each)))
    return each * this.#publishers.length
  }
}

class Publisher {
  readonly #socket: Socket
  readonly #packets: Buffer
  readonly #packetBytes: number
  readonly #qos: 0 | 1 | 2
  readonly #window: number
  #target = 0
  #sent = 0
  #completed = 0
  #partial: Buffer = Buffer.alloc(0)
  #isPinged = false
  #done: (() => void) | undefined

  constructor(socket: Socket, packets: Buffer, { qos, window }: PublishTask) {
    this.#socket = socket
    this.#packets = packets
    this.#packetBytes = packets.length / SLOTS
    this.#qos = qos
    this.#window = window
    socket.on('data', (bytes: Buffer) => this.#received(bytes))
    socket.on('drain', () => this.#pump())
    socket.on('close', () => {
      if (this.#done !== undefined) throw new Error('the server closed the connection')
    })
  }

  async publish(count: number): Promise<void> {
    this.#target += count
    this.#isPinged = false
    await new Promise<void>((resolve) => {
      this.#done = resolve
      this.#pump()
    })
    this.#done = undefined
  }

  #pump(): void {
    while (this.#socket.writableLength < MAX_BUFFERED_BYTES) {
      const count = this.#sendable()
      if (count <= 0) break
      const first = this.#sent % SLOTS
      const fitting = Math.max(1, Math.floor(MAX_WRITE_BYTES / this.#packetBytes))
      const last = Math.min(first + Math.min(count, fitting), SLOTS)
      this.#socket.write(
        this.#packets.subarray(first * this.#packetBytes, last * this.#packetBytes),
      )
      this.#sent += last - first
    }
    const isComplete =
      this.#sent === this.#target && (this.#qos === 0 || this.#completed === this.#sent)
    if (!isComplete || this.#isPinged) return
    this.#isPinged = true
    this.#socket.write(PINGREQ)
  }

  #sendable(): number {
    const left = this.#target - this.#sent
    return this.#qos === 0 ? left : Math.min(left, this.#window - this.#sent + this.#completed)
  }

  #received(chunk: Buffer): void {
    const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    let at = 0
    const releases: number[] = []
    while (at + ACK_BYTES <= bytes.length) {
      const first = bytes[at] ?? 0
      if (first === PUBREC) releases.push(at)
      else if (first === PINGRESP_FIRST) break
      else this.#completed++
      at += ACK_BYTES
    }
    if (releases.length > 0) this.#release(bytes, releases)
    if (bytes[at] === PINGRESP_FIRST && at + 2 === bytes.length) {
      this.#partial = Buffer.alloc(0)
      this.#done?.()
      return
    }
    this.#partial = bytes.subarray(at)
    this.#pump()
  }

  #release(bytes: Buffer, at: readonly number[]): void {
    const releases = Buffer.allocUnsafe(at.length * ACK_BYTES)
    at.forEach((start, index) => {
      bytes.copy(releases, index * ACK_BYTES, start, start + ACK_BYTES)
      releases[index * ACK_BYTES] = PUBREL
    })
    this.#socket.write(releases)
  }
}
