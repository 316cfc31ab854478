/** Speaks MQTT to a server byte by byte, with packets built from fields. */
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { variableByteInteger } from './property.ts'

export class MqttWire {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake?.()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake?.()
    })
  }

  static async open(t: TestContext, port: number): Promise<MqttWire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    t.after(() => socket.destroy())
    const wire = new MqttWire(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return wire
  }

  get socket(): Socket {
    return this.#socket
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  send(...packets: readonly Buffer[]): this {
    this.#socket.write(Buffer.concat(packets))
    return this
  }

  /** The next packet, or undefined if the server has closed the connection. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const length = wholePacket(this.#received)
      if (length > 0) {
        const packet = this.#received.subarray(0, length)
        this.#received = this.#received.subarray(length)
        return packet
      }
      if (this.#isClosed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The next packet as hex; '' if the connection was closed. */
  async nextHex(): Promise<string> {
    return (await this.next())?.toString('hex') ?? ''
  }

  /**
   * Sends PINGREQ and returns the packets before its answer, as hex: everything the server sent.
   */
  async untilPong(): Promise<string[]> {
    this.send(PINGREQ)
    const before: string[] = []
    for (;;) {
      const hex = await this.nextHex()
      if (hex === 'd000' || hex === '') return before
      before.push(hex)
    }
  }

  /** Resolves when the server has closed the connection, with the packets that came before. */
  async untilClosed(): Promise<string[]> {
    const before: string[] = []
    for (;;) {
      const hex = await this.nextHex()
      if (hex === '') return before
      before.push(hex)
    }
  }
}

export const PINGREQ = Buffer.from('c000', 'hex')

function wholePacket(bytes: Buffer): number {
  let length = 0
  for (let i = 1; i < Math.min(bytes.length, 5); i++) {
    length += ((bytes[i] ?? 0) & 0x7f) * 128 ** (i - 1)
    if ((bytes[i] ?? 0) < 0x80) return bytes.length >= i + 1 + length ? i + 1 + length : 0
  }
  return 0
}

export function frame(first: number, ...parts: readonly (Buffer | number[] | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? text(part) : Buffer.from(part))),
  )
  const length: number[] = []
  let rest = body.length
  do {
    length.push((rest % 128) + (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

/** Properties, see `property`, behind their length. */
export function withLength(properties: readonly number[]): number[] {
  return [...variableByteInteger(properties.length), ...properties]
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

export interface ConnectFields {
  readonly clientId?: string
  readonly version?: 3 | 4 | 5
  readonly isClean?: boolean
  readonly keepAliveS?: number
  readonly userName?: string
  readonly password?: string
  /** Without their length; see `property`. */
  readonly properties?: readonly number[]
  readonly will?: {
    topic: string
    payload: string
    qos?: number
    retain?: boolean
    properties?: number[]
  }
}

export function connectPacket(fields: ConnectFields = {}): Buffer {
  const { clientId = 'wire', version = 4, isClean = true, keepAliveS = 0, properties = [] } = fields
  const { will, userName, password } = fields
  const flags =
    (isClean ? 2 : 0) |
    (userName === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40) |
    (will === undefined ? 0 : 4 | ((will.qos ?? 0) << 3) | (will.retain === true ? 32 : 0))
  const isFive = version === 5
  const willProperties = will?.properties ?? []
  return frame(
    0x10,
    version === 3 ? 'MQIsdp' : 'MQTT',
    [version, flags, keepAliveS >> 8, keepAliveS & 0xff],
    isFive ? withLength(properties) : [],
    clientId,
    will !== undefined && isFive ? withLength(willProperties) : [],
    will === undefined ? Buffer.alloc(0) : text(will.topic),
    will === undefined ? Buffer.alloc(0) : text(will.payload),
    userName === undefined ? Buffer.alloc(0) : text(userName),
    password === undefined ? Buffer.alloc(0) : text(password),
  )
}

export interface PublishFields {
  readonly topic: string
  readonly payload?: string | Buffer
  readonly qos?: 0 | 1 | 2
  readonly id?: number
  readonly retain?: boolean
  readonly isDuplicate?: boolean
  /** For MQTT 5, without their length; undefined writes a packet of 3.1.1. See `property`. */
  readonly properties?: readonly number[]
}

export function publishPacket(fields: PublishFields): Buffer {
  const { topic, payload = '', qos = 0, id = 1, retain = false, isDuplicate = false } = fields
  const first = 0x30 | (isDuplicate ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  return frame(
    first,
    topic,
    qos === 0 ? [] : [id >> 8, id & 0xff],
    fields.properties === undefined ? [] : withLength(fields.properties),
    Buffer.from(payload),
  )
}

/**
 * The value of each filter is the byte after it: the QoS and, in MQTT 5, the subscription options.
 */
export function subscribePacket(
  id: number,
  filters: Readonly<Record<string, number>>,
  properties?: readonly number[],
): Buffer {
  return frame(
    0x82,
    [id >> 8, id & 0xff],
    properties === undefined ? [] : withLength(properties),
    ...Object.entries(filters).flatMap(([filter, options]) => [filter, [options]]),
  )
}
