/**
 * One publisher and many subscribers to its topic, all at QoS 0. All packets have the same length,
 * so that deliveries are counted in bytes, at next to no cost for the generator.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { FanOutTask } from './broker-task.ts'
import { openClient } from './connect-load.ts'
import { publishPacket, subscribePacket } from './mqtt-packets.ts'

const STUCK_MS = 10_000

export class FanOutLoad {
  readonly #publisher: Socket
  readonly #packet: Buffer
  readonly #window: number
  /** Bytes that each subscriber has received. */
  readonly #receivedBytes: Float64Array
  #sent = 0
  #target = 0
  #isPumping = false
  #done: (() => void) | undefined

  private constructor(publisher: Socket, subscribers: readonly Socket[], task: FanOutTask) {
    this.#publisher = publisher
    this.#packet = publishPacket(task.topic, Buffer.alloc(task.payloadBytes, 'x'), 0, 0)
    this.#window = task.window
    this.#receivedBytes = new Float64Array(subscribers.length)
    subscribers.forEach((socket, index) => {
      socket.on('data', (bytes: Buffer) => this.#received(index, bytes.length))
    })
  }

  static async open(task: FanOutTask): Promise<FanOutLoad> {
    const subscribers: Socket[] = []
    for (let index = 0; index < task.subscribers; index++) {
      const socket = await openClient(task.port, `subscriber-${index}`)
      socket.write(subscribePacket(task.topic, 0))
      await once(socket, 'data')
      subscribers.push(socket)
    }
    return new FanOutLoad(await openClient(task.port, 'publisher'), subscribers, task)
  }

  /** Returns the number of deliveries. */
  async run(messages: number): Promise<number> {
    this.#target += messages
    const stuck = setInterval(() => this.#failIfStuck(), STUCK_MS)
    await new Promise<void>((resolve) => {
      this.#done = resolve
      this.#pump()
    })
    clearInterval(stuck)
    return messages * this.#receivedBytes.length
  }

  #received(index: number, bytes: number): void {
    this.#receivedBytes[index] = (this.#receivedBytes[index] ?? 0) + bytes
    if (this.#isPumping) return
    // Once for all subscribers that get bytes in this turn.
    this.#isPumping = true
    setImmediate(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #slowest(): number {
    let least = Number.POSITIVE_INFINITY
    for (const bytes of this.#receivedBytes) if (bytes < least) least = bytes
    return least / this.#packet.length
  }

  #pump(): void {
    const arrived = this.#slowest()
    const count = Math.min(
      this.#target - this.#sent,
      this.#window - this.#sent + Math.floor(arrived),
    )
    // Half a window at least, or many subscribers would make many small writes.
    const isWorthwhile = count >= this.#window / 2 || count === this.#target - this.#sent
    if (count > 0 && isWorthwhile) {
      this.#publisher.write(Buffer.concat(Array.from({ length: count }, () => this.#packet)))
      this.#sent += count
    }
    if (arrived === this.#target) this.#done?.()
  }

  #lastArrived = -1

  #failIfStuck(): void {
    const arrived = this.#slowest()
    if (arrived === this.#lastArrived) {
      throw new Error(`deliveries stopped at ${arrived} of ${this.#target}`)
    }
    this.#lastArrived = arrived
  }
}
