/** A broker that accepts every client and refuses the filters it is told to, until it is told otherwise. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { generate, type Packet, parser } from 'mqtt-packet'

export class RefusingBroker {
  readonly refused: Set<string>
  /** Filters in the order they were asked for. */
  readonly asked: string[] = []
  port = 0
  #client: Socket | undefined

  constructor(refused: readonly string[]) {
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

  publish(topic: string, payload: string): void {
    this.#send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false })
  }

  #send(packet: Packet): void {
    this.#client?.write(generate(packet))
  }

  #serve(socket: Socket): void {
    this.#client = socket
    const packets = parser()
    packets.on('packet', (packet) => this.#answer(packet))
    socket.on('data', (bytes: Buffer) => packets.parse(bytes))
    socket.on('error', () => {})
  }

  #answer(packet: Packet): void {
    if (packet.cmd === 'connect') {
      this.#send({ cmd: 'connack', returnCode: 0, sessionPresent: false })
    } else if (packet.cmd === 'subscribe') {
      const granted = packet.subscriptions.map(({ topic, qos }) => {
        this.asked.push(topic)
        return this.refused.has(topic) ? 0x80 : qos
      })
      this.#send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted })
    }
  }
}
