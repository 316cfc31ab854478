/**
 * Publishes numbered messages at a rate, and records which were acknowledged and when.
 */
import type { Socket } from 'node:net'
import { openClient } from './connect-load.ts'
import { publishPacket } from './mqtt-packets.ts'
import { NatsClient, SUBJECT } from './nats-client.ts'

const DIGITS = 8
const PAYLOAD_BYTES = 100
const PUBACK = 0x40
const MAX_UNACKNOWLEDGED = 500
/** After this time without an acknowledgement, the missing ones are given up. */
const GIVE_UP_MS = 10_000
const TICK_MS = 1

export interface NumberedPublisher {
  /** Called with the number of each acknowledged message. */
  onAcknowledged: (number: number) => void
  publish(number: number): void
  close(): void
}

export function payloadOf(number: number): Buffer {
  return Buffer.from(String(number).padStart(DIGITS, '0').padEnd(PAYLOAD_BYTES, 'x'))
}

export function numberIn(payload: Buffer): number {
  return Number(payload.toString('latin1', 0, DIGITS))
}

export class MqttNumberedPublisher implements NumberedPublisher {
  onAcknowledged: (number: number) => void = () => undefined
  readonly #socket: Socket
  readonly #topic: string
  #partial: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket, topic: string) {
    this.#socket = socket
    this.#topic = topic
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => this.#received(bytes))
  }

  static async open(port: number, topic: string): Promise<NumberedPublisher> {
    return new MqttNumberedPublisher(await openClient(port, 'numbered'), topic)
  }

  /** Packet ids are the numbers, so a run has fewer than 65,536 messages. */
  publish(number: number): void {
    this.#socket.write(publishPacket(this.#topic, payloadOf(number), 1, number))
  }

  close(): void {
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#partial, chunk])
    const whole = bytes.length - (bytes.length % 4)
    for (let at = 0; at < whole; at += 4) {
      if (bytes[at] === PUBACK) this.onAcknowledged(bytes.readUInt16BE(at + 2))
    }
    this.#partial = bytes.subarray(whole)
  }
}

export class StreamNumberedPublisher implements NumberedPublisher {
  onAcknowledged: (number: number) => void = () => undefined
  readonly #client: NatsClient

  private constructor(client: NatsClient) {
    this.#client = client
    client.socket.on('error', () => undefined)
    client.subscribe('acks.*')
    client.onMessage = (subject, payload) => {
      if (!payload.includes('"error"')) this.onAcknowledged(Number(subject.split('.')[1]))
    }
  }

  static async open(port: number): Promise<NumberedPublisher> {
    return new StreamNumberedPublisher(await NatsClient.open(port))
  }

  publish(number: number): void {
    this.#client.publish(SUBJECT, `acks.${number}`, payloadOf(number))
  }

  close(): void {
    this.#client.close()
  }
}

export interface Paced {
  readonly acknowledged: ReadonlySet<number>
  /** From writing each message to reading its acknowledgement. */
  readonly milliseconds: readonly number[]
}

/** Numbers from `first` on. Resolves with the last acknowledgement, in the same turn. */
export async function publishPaced(
  publisher: NumberedPublisher,
  { first, count, perSecond }: { first: number; count: number; perSecond: number },
): Promise<Paced> {
  const acknowledged = new Set<number>()
  const milliseconds: number[] = []
  const sentAt = new Map<number, number>()
  const startedAt = performance.now()
  let lastAt = startedAt
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now()
      const due = Math.min(count, Math.floor(((now - startedAt) * perSecond) / 1000) + 1)
      while (sent < due && sentAt.size < MAX_UNACKNOWLEDGED) {
        sentAt.set(first + sent, performance.now())
        publisher.publish(first + sent++)
      }
      if (now - lastAt > GIVE_UP_MS) end()
    }, TICK_MS)
    const end = () => {
      clearInterval(timer)
      resolve()
    }
    publisher.onAcknowledged = (number) => {
      lastAt = performance.now()
      milliseconds.push(lastAt - (sentAt.get(number) ?? lastAt))
      sentAt.delete(number)
      acknowledged.add(number)
      if (acknowledged.size === count) end()
    }
  })
  return { acknowledged, milliseconds }
}
