/**
 * One connection to the nucleus, from the login to its end. It never sends a ping: nucleus lite
 * ends a connection on which anything but an operation comes. It never stops reading either, for
 * nucleus lite would wait for it and serve no other component meanwhile.
 *
 * If the nucleus has sent nothing at all between a request and its deadline, the connection ends:
 * a nucleus that hangs would otherwise not be noticed.
 */
import { createConnection, type Socket } from 'node:net'
import type {
  EventHandler,
  IpcCaller,
  IpcClock,
  IpcTimer,
  JsonObject,
  Subscription,
} from './caller.ts'
import { type Frame, violation } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { IpcError } from './ipc-error.ts'
import {
  connectFrame,
  Flag,
  type Login,
  type Message,
  MessageType,
  messageOf,
  pingResponseFrame,
  requestFrame,
  terminateFrame,
} from './message.ts'
import { jsonOf, Stream, textOf } from './stream.ts'

/** Why a frame from the nucleus was not handed over. */
export type DropReason = 'oversized' | 'unreadable'

export interface ConnectionOptions {
  readonly socketPath: string
  readonly login: Login
  readonly clock: IpcClock
  readonly operationDeadlineMs: number
  /** Longer frames are not sent. */
  readonly maxSentFrameBytes: () => number
  /** For tests of what happens when the numbers run out. */
  readonly firstStreamId?: number
  readonly dropped: (reason: DropReason) => void
  /** Called once, if the connection was accepted and this side has not closed it. */
  readonly ended: (error: IpcError) => void
}

/** What the nucleus accepts a connection with. */
export interface Acceptance {
  /** After a login by component name: the token for the next logins. */
  readonly authToken: string | undefined
}

const HANDSHAKE_DEADLINE_MS = 5_000
/** For the nucleus to close its side. */
const CLOSE_DEADLINE_MS = 1_000
const MAX_READ_FRAME_BYTES = 1024 * 1024
/** Ids end at 2^31 - 1. Half of them are left for what is still under way. */
const LAST_STREAM_ID = 2 ** 30

export class IpcConnection implements IpcCaller {
  readonly #options: ConnectionOptions
  readonly #reader: FrameReader
  readonly #streams = new Map<number, Stream>()
  #lastStreamId: number
  /** Counts what the nucleus has sent. */
  #chunks = 0
  #socket: Socket | undefined
  #isOpen = false
  #handshake:
    | { resolve: (acceptance: Acceptance) => void; reject: (error: IpcError) => void }
    | undefined
  #timer: IpcTimer | undefined
  #drained: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#lastStreamId = (options.firstStreamId ?? 1) - 1
    this.#reader = new FrameReader(
      {
        frame: (frame) => this.#take(frame),
        skipped: () => options.dropped('oversized'),
      },
      MAX_READ_FRAME_BYTES,
    )
  }

  /** Whether operations can be called. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether the connection should be replaced before it runs out of stream ids. */
  get isUsedUp(): boolean {
    return this.#lastStreamId >= LAST_STREAM_ID
  }

  /**
   * Connects and logs in. To be called once.
   * @throws {IpcError} NotAccepted if the nucleus refuses the login, in words or by closing
   */
  open(): Promise<Acceptance> {
    const { socketPath, login, clock } = this.#options
    return new Promise((resolve, reject) => {
      this.#handshake = { resolve, reject }
      this.#timer = clock.after(HANDSHAKE_DEADLINE_MS, () => {
        const message = `expected an answer to the login at ${socketPath} within 5 s, got none`
        this.#end(new IpcError('DeadlineExceeded', message))
      })
      const socket = createConnection({ path: socketPath })
      this.#socket = socket
      let isConnected = false
      let cause: Error | undefined
      socket.once('connect', () => {
        isConnected = true
        socket.write(connectFrame(login))
      })
      socket.on('data', (chunk: Buffer) => this.#receive(chunk))
      socket.on('error', (error) => {
        cause = error
      })
      socket.once('close', () => this.#end(this.#closeReason(isConnected, cause)))
    })
  }

  async request(operation: string, payload: JsonObject): Promise<JsonObject> {
    return await this.#start(operation, payload, undefined).stream.response
  }

  async subscribe(
    operation: string,
    payload: JsonObject,
    handler: EventHandler,
  ): Promise<Subscription> {
    const { id, stream } = this.#start(operation, payload, handler)
    await stream.response
    return { close: () => this.#terminate(id) }
  }

  /** Waits for the operations under way, each until its deadline, and closes the connection. */
  close(): Promise<void> {
    this.#closed ??= this.#drainAndHangUp()
    return this.#closed
  }

  /** Ends the connection at once. */
  abort(): void {
    this.#isOpen = false
    this.#end(closedHere())
  }

  async #drainAndHangUp(): Promise<void> {
    if (this.#isOpen) {
      this.#isOpen = false
      await new Promise<void>((resolve) => {
        this.#drained = resolve
        this.#checkDrained()
      })
    }
    await this.#hangUp()
  }

  /** Lets what is written reach the nucleus: half a frame would make it wait. */
  async #hangUp(): Promise<void> {
    const socket = this.#socket
    if (socket === undefined || socket.destroyed) return
    this.#endStreams(closedHere())
    await new Promise<void>((resolve) => {
      this.#timer?.cancel()
      this.#timer = this.#options.clock.after(CLOSE_DEADLINE_MS, () => socket.destroy())
      socket.once('close', () => resolve())
      socket.end()
    })
  }

  /** The ids on the wire must ascend by one, so a frame gets its number when it is written. */
  #start(
    operation: string,
    payload: JsonObject,
    handler: EventHandler | undefined,
  ): { id: number; stream: Stream } {
    const { clock, operationDeadlineMs, maxSentFrameBytes, dropped } = this.#options
    if (!this.#isOpen) throw new IpcError('NotConnected', `${operation}: not connected`)
    const id = this.#lastStreamId + 1
    const frame = requestFrame(id, operation, JSON.stringify(payload))
    if (frame.length > maxSentFrameBytes()) {
      const message = `${operation}: expected at most ${maxSentFrameBytes()} bytes`
      throw new IpcError(
        'FrameTooLarge',
        `${message}, which the nucleus takes, got ${frame.length}`,
      )
    }
    this.#lastStreamId = id
    const chunks = this.#chunks
    const stream: Stream = new Stream({
      operation,
      handler,
      clock,
      deadlineMs: operationDeadlineMs,
      expired: (error) =>
        this.#chunks === chunks ? this.#end(error) : this.#expire(id, stream, error),
      unreadable: () => dropped('unreadable'),
    })
    this.#streams.set(id, stream)
    this.#socket?.write(frame)
    return { id, stream }
  }

  /** A subscription that is confirmed after its deadline must not stay at the nucleus. */
  #expire(id: number, stream: Stream, error: IpcError): void {
    stream.end(error)
    if (stream.isSubscription) this.#terminate(id)
    else this.#streams.delete(id)
    this.#checkDrained()
  }

  #terminate(id: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    stream.close()
    this.#streams.delete(id)
    this.#socket?.write(terminateFrame(id))
    this.#checkDrained()
  }

  #receive(chunk: Buffer): void {
    this.#chunks++
    try {
      this.#reader.push(chunk)
    } catch (error) {
      if (!(error instanceof IpcError)) throw error
      this.#end(error)
    }
  }

  #take(frame: Frame): void {
    const message = messageOf(frame)
    if (message.type === MessageType.connectAck) this.#acknowledged(message)
    else if (isFailure(message)) this.#end(new IpcError('ProtocolError', reasonOf(message)))
    else if (this.#handshake === undefined) this.#takeAccepted(message)
    else throw violation('another frame than the answer to the login')
  }

  #takeAccepted(message: Message): void {
    switch (message.type) {
      case MessageType.applicationMessage:
      case MessageType.applicationError:
        this.#takeForStream(message)
        break
      case MessageType.ping:
        this.#socket?.write(pingResponseFrame(message))
        break
      case MessageType.pingResponse:
        break
      default:
        throw violation(`a frame of type ${message.type}`)
    }
  }

  #acknowledged(message: Message): void {
    if (this.#handshake === undefined) throw violation('a second answer to the login')
    if ((message.flags & Flag.connectionAccepted) === 0) {
      this.#end(refused())
      return
    }
    const { resolve } = this.#handshake
    this.#handshake = undefined
    this.#timer?.cancel()
    this.#isOpen = true
    const authToken = message.headers.get('svcuid')
    resolve({ authToken: typeof authToken === 'string' ? authToken : undefined })
  }

  #takeForStream(message: Message): void {
    const { streamId } = message
    if (streamId < 1 || streamId > this.#lastStreamId) {
      throw violation(`a frame for stream ${streamId}, of ${this.#lastStreamId} opened`)
    }
    const stream = this.#streams.get(streamId)
    // The stream has ended here, and the nucleus did not know it yet.
    if (stream === undefined) return
    stream.take(message)
    if (stream.isOver) this.#streams.delete(streamId)
    this.#checkDrained()
  }

  #checkDrained(): void {
    if (this.#drained === undefined) return
    if ([...this.#streams.values()].every((stream) => stream.isAnswered)) this.#drained()
  }

  #closeReason(isConnected: boolean, cause: Error | undefined): IpcError {
    const { socketPath } = this.#options
    const options = cause === undefined ? {} : { cause }
    if (!isConnected) {
      const message = `connecting to the nucleus at ${socketPath}: ${cause?.message ?? 'closed'}`
      return new IpcError('Unreachable', message, options)
    }
    if (this.#handshake !== undefined) return refused(options)
    const where = this.#reader.isWithinFrame ? ' in the middle of a frame' : ''
    return new IpcError('ConnectionLost', `the nucleus closed the connection${where}`, options)
  }

  #end(error: IpcError): void {
    const wasOpen = this.#isOpen
    this.#isOpen = false
    this.#timer?.cancel()
    this.#reader.close()
    this.#socket?.destroy()
    this.#handshake?.reject(error)
    this.#handshake = undefined
    this.#endStreams(error)
    if (wasOpen) this.#options.ended(error)
  }

  #endStreams(error: IpcError): void {
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    for (const stream of streams) stream.end(error)
    this.#drained?.()
  }
}

function isFailure({ type }: Message): boolean {
  return type === MessageType.protocolError || type === MessageType.internalError
}

function reasonOf({ payload }: Message): string {
  const text = textOf(jsonOf(payload) ?? {})
  return `the nucleus ended the connection: ${text || 'it gives no reason'}`
}

function refused(options: ErrorOptions = {}): IpcError {
  return new IpcError('NotAccepted', 'the nucleus did not accept the login', options)
}

function closedHere(): IpcError {
  return new IpcError('NotConnected', 'the connection was closed here')
}
