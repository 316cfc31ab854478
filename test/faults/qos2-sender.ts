/**
 * A client that sends numbered messages with QoS 2 and keeps its side of section 4.3.3 over broken
 * connections: a message without PUBREC is sent again under its packet id, one with PUBREC goes on
 * with PUBREL. It can be made deaf, so that the server's answers are lost.
 */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { connectPacket, frame, MqttWire, publishPacket } from '../support/mqtt/mqtt-wire.ts'

export interface Qos2SenderOptions {
  readonly clientId: string
  readonly version: 4 | 5
  readonly topic: string
  /** Messages that are sent and not completed, at most. */
  readonly window: number
}

interface Exchange {
  readonly payload: string
  isReceived: boolean
}

const SESSION_KEPT = [0x11, 0xff, 0xff, 0xff, 0xff]

export class Qos2Sender {
  /** Messages that the server has completed with PUBCOMP. */
  readonly completed: string[] = []
  /** PUBLISH packets that were sent again under their packet id. */
  resent = 0
  readonly #options: Qos2SenderOptions
  readonly #exchanges = new Map<number, Exchange>()
  #socket: Socket | undefined
  #isDeaf = false
  #isSending = true
  #hasSession = false
  #number = 0
  #packetId = 0
  #onProgress: (() => void) | undefined

  constructor(options: Qos2SenderOptions) {
    this.#options = options
  }

  /** The payloads of all messages that were ever sent. */
  get sent(): string[] {
    const { clientId } = this.#options
    return Array.from({ length: this.#number }, (_, index) => `${clientId} ${index}`)
  }

  async connect(port: number): Promise<void> {
    const { clientId, version, window } = this.#options
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    this.#isDeaf = false
    const wire = new MqttWire(socket)
    const properties = version === 5 ? SESSION_KEPT : []
    wire.send(connectPacket({ clientId, version, isClean: false, properties }))
    const connack = await wire.next()
    assert.ok(connack !== undefined, 'the server answers CONNECT')
    if (this.#hasSession) assert.equal(connack[2], 1, 'the session is still there')
    this.#hasSession = true
    for (const [id, { payload, isReceived }] of this.#exchanges) {
      if (isReceived) this.#release(id)
      else this.#publish(id, payload, true)
    }
    while (this.#exchanges.size < window && this.#isSending) this.#sendNext()
    void this.#readFrom(wire)
  }

  /** From now on answers are lost; packets that are due still leave. */
  goDeaf(): void {
    this.#isDeaf = true
  }

  cut(): void {
    this.#socket?.destroy()
  }

  /** Resolves when `count` more messages are completed. */
  async completes(count: number): Promise<void> {
    const goal = this.completed.length + count
    await this.#until(() => this.completed.length >= goal)
  }

  /** Sends no further message, and resolves when all are completed. */
  async finish(): Promise<void> {
    this.#isSending = false
    await this.#until(() => this.#exchanges.size === 0)
    this.cut()
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve
      })
    }
  }

  async #readFrom(wire: MqttWire): Promise<void> {
    for (;;) {
      const packet = await wire.next()
      if (packet === undefined || wire.socket !== this.#socket) return
      if (!this.#isDeaf) this.#receive(packet)
    }
  }

  #receive(packet: Buffer): void {
    const id = packet.readUInt16BE(2)
    const exchange = this.#exchanges.get(id)
    assert.ok(exchange !== undefined, `an answer to packet id ${id}, which is not in use`)
    const kind = packet.readUInt8(0) >> 4
    if (kind === 5) {
      assert.ok((packet[4] ?? 0) < 0x80, 'no message is refused')
      exchange.isReceived = true
      this.#release(id)
      return
    }
    assert.equal(kind, 7, 'only PUBREC and PUBCOMP come')
    this.#exchanges.delete(id)
    this.completed.push(exchange.payload)
    if (this.#isSending) this.#sendNext()
    this.#onProgress?.()
  }

  #sendNext(): void {
    do this.#packetId = (this.#packetId % 65_535) + 1
    while (this.#exchanges.has(this.#packetId))
    const payload = `${this.#options.clientId} ${this.#number}`
    this.#number += 1
    this.#exchanges.set(this.#packetId, { payload, isReceived: false })
    this.#publish(this.#packetId, payload, false)
  }

  #publish(id: number, payload: string, isDuplicate: boolean): void {
    const { topic, version } = this.#options
    const message = { topic, qos: 2, id, payload, isDuplicate } as const
    if (isDuplicate) this.resent += 1
    this.#write(publishPacket(version === 5 ? { ...message, properties: [] } : message))
  }

  #release(id: number): void {
    this.#write(frame(0x62, [id >> 8, id & 0xff]))
  }

  #write(packet: Buffer): void {
    this.#socket?.write(packet)
  }
}
