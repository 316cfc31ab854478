/** A plain wire to the test server: sends any message, and shows each frame that comes back. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { encodeFrame, type Frame, FrameReader } from '../../support/greengrass/frame.ts'
import { frameOf, type Message, messageOf } from '../../support/greengrass/message.ts'
import type { NucleusServer } from '../../support/greengrass/nucleus-server.ts'
import { until } from '../../support/until.ts'

const MAX_BYTES = 1 << 25
const EMPTY: Message = { type: 0, flags: 0, streamId: 0, headers: {}, payload: Buffer.alloc(0) }

export class IpcWire {
  /** The messages that came, in order. */
  readonly messages: Message[] = []
  /** The last bytes that came, not cut into frames. */
  bytes = Buffer.alloc(0)
  isClosed = false
  /** The bytes that came are no frames. */
  isGarbled = false
  readonly #socket

  private constructor(socket: ReturnType<typeof connect>) {
    this.#socket = socket
    const reader = new FrameReader(MAX_BYTES)
    socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      try {
        for (const frame of reader.push(chunk)) this.messages.push(messageOf(frame))
      } catch {
        this.isGarbled = true
      }
    })
    socket.on('close', () => {
      this.isClosed = true
    })
    socket.on('error', () => {})
  }

  static async open(t: TestContext, { socketPath }: NucleusServer): Promise<IpcWire> {
    const socket = connect(socketPath)
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return new IpcWire(socket)
  }

  send(message: Partial<Message>): void {
    this.sendFrame(frameOf({ ...EMPTY, ...message }, 'first'))
  }

  sendFrame(frame: Frame): void {
    this.#socket.write(encodeFrame(frame))
  }

  logIn(payload: Readonly<Record<string, string>>): void {
    const headers = { ':version': '0.1.0' }
    this.send({ type: 4, headers, payload: Buffer.from(JSON.stringify(payload)) })
  }

  request(streamId: number, operation: string, request: unknown): void {
    const headers = { operation: `aws.greengrass#${operation}` }
    this.send({ streamId, headers, payload: Buffer.from(JSON.stringify(request)) })
  }

  /** The message with this number, counted from 0, when it has come. */
  async message(number: number): Promise<Message> {
    await until(`message ${number} had come`, () => this.messages.length > number)
    const message = this.messages[number]
    if (message === undefined) throw new Error(`no message ${number}`)
    return message
  }

  async closed(): Promise<void> {
    await until('the server had closed the connection', () => this.isClosed)
  }
}
