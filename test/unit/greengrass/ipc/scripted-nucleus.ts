/**
 * A nucleus that does what a test tells it to: it listens on a socket in a temporary folder, keeps
 * what arrives, and sends what it is given.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { encodeFrame, type HeaderValue } from '../../../../src/greengrass/ipc/frame.ts'
import { FrameReader } from '../../../../src/greengrass/ipc/frame-reader.ts'
import { type Message, messageOf } from '../../../../src/greengrass/ipc/message.ts'
import { until } from '../../../support/until.ts'

export class ScriptedNucleus {
  readonly socketPath: string
  readonly peers: ScriptedPeer[] = []
  #server: Server | undefined

  private constructor(socketPath: string) {
    this.socketPath = socketPath
  }

  static async start(t: TestContext): Promise<ScriptedNucleus> {
    const folder = mkdtempSync(join(tmpdir(), 'nucleus-'))
    const nucleus = new ScriptedNucleus(join(folder, 'ipc.socket'))
    t.after(async () => {
      await nucleus.stop()
      rmSync(folder, { recursive: true })
    })
    await nucleus.listen()
    return nucleus
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      this.peers.push(new ScriptedPeer(socket)),
    )
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve))
  }

  /** Closes all connections, and takes no more. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const { socket } of this.peers) socket.destroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  /** The next connection of those that came, once its login has arrived. */
  async login(index = 0): Promise<ScriptedPeer> {
    await until(`login ${index} came`, () => (this.peers[index]?.messages.length ?? 0) > 0)
    const peer = this.peers[index]
    if (peer === undefined) throw new Error(`there is no connection ${index}`)
    return peer
  }
}

/** One connection, from the side of the nucleus. */
export class ScriptedPeer {
  readonly socket: Socket
  readonly bytes: Buffer[] = []
  readonly messages: Message[] = []
  isClosed = false
  /** Does not close its side when the client does. */
  staysOpen = false

  constructor(socket: Socket) {
    this.socket = socket
    const reader = new FrameReader(
      { frame: (frame) => this.messages.push(messageOf(frame)), skipped: () => {} },
      2 ** 30,
    )
    socket.on('error', () => {})
    socket.on('end', () => {
      if (!this.staysOpen) socket.end()
    })
    socket.on('close', () => {
      this.isClosed = true
    })
    socket.on('data', (chunk) => {
      this.bytes.push(chunk)
      reader.push(chunk)
    })
  }

  /** What was sent as the login: its payload. */
  get login(): unknown {
    return JSON.parse(this.messages[0]?.payload.toString() ?? '')
  }

  /** The message with this number, from 0, which is the login. */
  async message(index: number): Promise<Message> {
    await until(`message ${index} came`, () => this.messages.length > index)
    const message = this.messages[index]
    if (message === undefined) throw new Error(`there is no message ${index}`)
    return message
  }

  send(
    type: number,
    flags: number,
    streamId: number,
    { model, payload = '', headers = [] }: Extras = {},
  ): void {
    this.socket.write(frameOf(type, flags, streamId, { model, payload, headers }))
  }

  accept(headers: readonly (readonly [string, HeaderValue])[] = []): void {
    this.send(5, 1, 0, { headers })
  }

  /** An answer or an event, of this model. */
  answer(streamId: number, model: string, payload: unknown = {}, flags = 0): void {
    this.send(0, flags, streamId, { model, payload: JSON.stringify(payload) })
  }

  fail(streamId: number, model: string | undefined, payload: string): void {
    this.send(1, 2, streamId, { model, payload })
  }

  async closed(): Promise<void> {
    await until('the connection was closed', () => this.isClosed)
  }
}

interface Extras {
  readonly model?: string | undefined
  readonly payload?: string
  readonly headers?: readonly (readonly [string, HeaderValue])[]
}

export function frameOf(
  type: number,
  flags: number,
  streamId: number,
  { model, payload = '', headers = [] }: Extras = {},
): Buffer {
  const all: (readonly [string, HeaderValue])[] = [
    [':message-type', type],
    [':message-flags', flags],
    [':stream-id', streamId],
    ...headers,
  ]
  if (model !== undefined) all.push(['service-model-type', `aws.greengrass#${model}`])
  return encodeFrame(all, Buffer.from(payload))
}
