/**
 * `PublishTask` for JetStream: messages published with a reply subject, on which each is
 * acknowledged. A program that is started like `broker-load.ts`.
 */
import type { PublishTask } from './broker-task.ts'
import { NatsClient, publication } from './nats-client.ts'
import { runTimed } from './timed-load.ts'

const MAX_BUFFERED_BYTES = 512 * 1024
const MAX_AT_ONCE = 400

class Publisher {
  readonly #client: NatsClient
  /** The same message many times; a write is a slice of it. */
  readonly #packets: Buffer
  readonly #packetBytes: number
  readonly #window: number
  #target = 0
  #sent = 0
  #acknowledged = 0
  #done: (() => void) | undefined

  constructor(client: NatsClient, index: number, { topic, payloadBytes, window }: PublishTask) {
    const packet = publication(topic, `acks.${index}`, Buffer.alloc(payloadBytes, 'x'))
    this.#client = client
    this.#packetBytes = packet.length
    this.#packets = Buffer.concat(Array.from({ length: MAX_AT_ONCE }, () => packet))
    this.#window = window
    client.onMessage = (_, payload) => this.#wasAcknowledged(payload)
    client.socket.on('drain', () => this.#pump())
    client.subscribe(`acks.${index}`)
  }

  async publish(count: number): Promise<void> {
    this.#target += count
    await new Promise<void>((resolve) => {
      this.#done = resolve
      this.#pump()
    })
  }

  #pump(): void {
    const { socket } = this.#client
    while (socket.writableLength < MAX_BUFFERED_BYTES) {
      const room = this.#window - this.#sent + this.#acknowledged
      const count = Math.min(this.#target - this.#sent, room, MAX_AT_ONCE)
      if (count <= 0) return
      socket.write(this.#packets.subarray(0, count * this.#packetBytes))
      this.#sent += count
    }
  }

  #wasAcknowledged(answer: Buffer): void {
    if (answer.includes('"error"')) throw new Error(answer.toString())
    this.#acknowledged++
    if (this.#acknowledged === this.#target) this.#done?.()
    // It continues in steps, so that each write is worth its system call.
    else if (this.#sent - this.#acknowledged <= this.#window / 2) this.#pump()
  }
}

const task = JSON.parse(process.argv[2] ?? '{}') as PublishTask
const publishers: Publisher[] = []
for (let index = 0; index < task.connections; index++) {
  publishers.push(new Publisher(await NatsClient.open(task.port), index, task))
}

async function run(messages: number): Promise<number> {
  const each = Math.ceil(messages / publishers.length)
  await Promise.all(publishers.map((publisher) => publisher.publish(each)))
  return each * publishers.length
}

await run(task.warmUp)
await runTimed(() => run(task.messages))
