/** A broker under the control of the test: it refuses filters, sends any packet, goes silent. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'

export class ScriptedBroker {
  /** Filters that it refuses. */
  readonly refused: Set<string>
  sessionPresent = false
  /** Requested filters, in order. */
  readonly asked: string[] = []
  readonly #received: Packet[] = []
  readonly #waiting: (() => void)[] = []
  port = 0
  #client: Socket | undefined
  #protocolVersion: 3 | 4 | 5 = 4

  constructor(refused: readonly string[] = []) {
    this.refused = new Set(refused)
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  async start(t: TestContext): Promise<void> {
    const server = createServer((socket) => this.#serve(socket)).listen(0, '127.0.0.1')
    t.after(() => {
      this.#client?.destroy()
      server.close()
    })
    await once(server, 'listening')
    const address = server.address()
    this.port = typeof address === 'object' && address !== null ? address.port : 0
  }

  send(packet: Packet): void {
    this.#client?.write(generate(packet, { protocolVersion: this.#protocolVersion }))
  }

  /** Bytes that need not be a packet. */
  sendBytes(bytes: Buffer): void {
    this.#client?.write(bytes)
  }

  /** Resolves when the client's connection has ended. */
  async ended(): Promise<void> {
    if (this.#client?.closed === false) await once(this.#client, 'close')
  }

  drop(): void {
    this.#client?.destroy()
  }

  /** The next packet of a kind that no earlier call has returned. */
  async next<Kind extends Packet['cmd']>(cmd: Kind): Promise<Extract<Packet, { cmd: Kind }>> {
    const isWanted = (packet: Packet): packet is Extract<Packet, { cmd: Kind }> =>
      packet.cmd === cmd
    for (;;) {
      const packet = this.#received.find(isWanted)
      if (packet !== undefined) {
        this.#received.splice(this.#received.indexOf(packet), 1)
        return packet
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #serve(socket: Socket): void {
    this.#client = socket
    const packets = parser()
    packets.on('packet', (packet) => this.#answer(packet))
    socket.on('data', (bytes: Buffer) => packets.parse(bytes))
    socket.on('error', () => {})
  }

  #answer(packet: Packet): void {
    this.#received.push(packet)
    for (const wake of this.#waiting.splice(0)) wake()
    if (packet.cmd === 'connect') {
      this.#protocolVersion = packet.protocolVersion ?? 4
      const { sessionPresent } = this
      this.send({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent })
    } else if (packet.cmd === 'subscribe') {
      const granted = packet.subscriptions.map(({ topic, qos }) => {
        this.asked.push(topic)
        return this.refused.has(topic) ? 0x80 : qos
      })
      this.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted })
    }
  }
}

/** A message as the broker sends it. */
export function publication(parts: Partial<IPublishPacket>): IPublishPacket {
  const plain = { topic: 'in/pump', payload: '', qos: 0, dup: false, retain: false } as const
  return { cmd: 'publish', ...plain, ...parts }
}
