/**
 * The part of NATS' protocol that a load and a count need: publishing with a reply subject, on
 * which JetStream acknowledges, and subscribing.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const CONNECT = 'CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1"}\r\n'
const LINE_END = '\r\n'
const ANSWERS = 'answers'

export const STREAM = 'BENCH'
export const SUBJECT = 'bench.durable'

export type StreamStorage = 'file' | 'memory'

export class NatsClient {
  readonly socket: Socket
  /** Called with every message of every subscription, except answers to requests. */
  onMessage: (subject: string, payload: Buffer) => void = () => undefined
  #subscriptions = 0
  #partial: Buffer = Buffer.alloc(0)
  #pong: (() => void) | undefined
  #answered: ((payload: Buffer) => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.#received(bytes))
  }

  static async open(port: number): Promise<NatsClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const client = new NatsClient(socket)
    socket.write(CONNECT)
    await client.flush()
    return client
  }

  /** Resolves when the server has done all earlier requests. */
  async flush(): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#pong = resolve
    })
    this.socket.write('PING\r\n')
    await answered
  }

  subscribe(subject: string): void {
    this.socket.write(`SUB ${subject} ${++this.#subscriptions}\r\n`)
  }

  publish(subject: string, reply: string, payload: Buffer): void {
    this.socket.write(publication(subject, reply, payload))
  }

  async request(subject: string, body: object): Promise<unknown> {
    const answer = new Promise<Buffer>((resolve) => {
      this.#answered = resolve
    })
    this.subscribe(ANSWERS)
    this.publish(subject, ANSWERS, Buffer.from(JSON.stringify(body)))
    const parsed = JSON.parse((await answer).toString()) as { error?: { description: string } }
    if (parsed.error !== undefined) throw new Error(`${subject}: ${parsed.error.description}`)
    return parsed
  }

  close(): void {
    this.socket.destroy()
  }

  #received(chunk: Buffer): void {
    const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    let at = 0
    for (;;) {
      const end = bytes.indexOf(LINE_END, at, 'latin1')
      if (end < 0) break
      const line = bytes.toString('latin1', at, end)
      if (line.startsWith('MSG ')) {
        const start = end + LINE_END.length
        const payloadEnd = start + Number(line.slice(line.lastIndexOf(' ') + 1))
        if (payloadEnd + LINE_END.length > bytes.length) break
        const subject = line.slice(4, line.indexOf(' ', 4))
        const payload = bytes.subarray(start, payloadEnd)
        if (subject === ANSWERS) this.#answered?.(payload)
        else this.onMessage(subject, payload)
        at = payloadEnd + LINE_END.length
        continue
      }
      if (line === 'PING') this.socket.write('PONG\r\n')
      else if (line === 'PONG') this.#pong?.()
      else if (line.startsWith('-ERR')) throw new Error(line)
      at = end + LINE_END.length
    }
    this.#partial = bytes.subarray(at)
  }
}

export function publication(subject: string, reply: string, payload: Buffer): Buffer {
  const head = Buffer.from(`PUB ${subject} ${reply} ${payload.length}\r\n`)
  return Buffer.concat([head, payload, Buffer.from(LINE_END)])
}

export async function createStream(port: number, storage: StreamStorage): Promise<void> {
  const client = await NatsClient.open(port)
  await client.request(`$JS.API.STREAM.CREATE.${STREAM}`, {
    name: STREAM,
    subjects: [SUBJECT],
    storage,
  })
  client.close()
}

export async function messagesInStream(port: number): Promise<number> {
  const client = await NatsClient.open(port)
  const info = await client.request(`$JS.API.STREAM.INFO.${STREAM}`, {})
  client.close()
  return (info as { state: { messages: number } }).state.messages
}

/** Reads the stream from its beginning, until nothing more comes for `quietMs`. */
export async function readStream(
  port: number,
  quietMs: number,
  seen: (payload: Buffer) => void,
): Promise<void> {
  const client = await NatsClient.open(port)
  const quiet = setTimeout(() => client.socket.destroy(), quietMs)
  client.onMessage = (_, payload) => {
    quiet.refresh()
    seen(payload)
  }
  client.subscribe('kept')
  await client.request(`$JS.API.CONSUMER.CREATE.${STREAM}`, {
    stream_name: STREAM,
    config: { deliver_subject: 'kept', deliver_policy: 'all', ack_policy: 'none' },
  })
  await once(client.socket, 'close')
}
