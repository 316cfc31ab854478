/** One connection to the test server: the handshake, and the streams with their operations. */
import type { Socket } from 'node:net'
import type { Faults } from './faults.ts'
import { encodeFrame, type Frame, FrameError, FrameReader } from './frame.ts'
import { IpcError } from './ipc-error.ts'
import { isObject, type JsonObject } from './json-text.ts'
import {
  CONNECTION_ACCEPTED,
  frameOf,
  type Message,
  MessageType,
  messageOf,
  TERMINATE_STREAM,
} from './message.ts'
import type { Nucleus } from './nucleus.ts'
import { OPERATION_PREFIX, type Operation, operationOf } from './operations.ts'

const JSON_TYPE = 'application/json'

interface Answer {
  readonly type: number
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer
}

export class IpcConnection {
  /** Undefined until it is logged in. */
  component: string | undefined
  /** The payloads of the client's answers to pings. */
  readonly pingResponses: Buffer[] = []
  readonly #socket: Socket
  readonly #nucleus: Nucleus
  readonly #faults: Faults
  readonly #frames: FrameReader
  /** What to release at the end of each open stream. */
  readonly #streams = new Map<number, (() => void)[]>()
  #lastStreamId = 0

  constructor(socket: Socket, nucleus: Nucleus, faults: Faults) {
    this.#socket = socket
    this.#nucleus = nucleus
    this.#faults = faults
    this.#frames = new FrameReader(nucleus.character.maxRequestBytes)
  }

  open(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    // A client that goes away is normal.
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#release())
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Closes without a message. */
  close(): void {
    this.#release()
    this.#socket.destroy()
  }

  /** Writes these bytes, whatever they are. */
  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  ping(payload: Buffer): void {
    this.#send({ type: MessageType.ping, flags: 0, streamId: 0, headers: {}, payload })
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        // What follows the last frame of a connection is not read.
        if (this.#socket.writableEnded || this.#socket.destroyed) return
        this.#checkHeaders(frame)
        this.#take(messageOf(frame))
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.close()
    }
  }

  #checkHeaders({ headers }: Frame): void {
    const { headerTypes } = this.#nucleus.character
    const refused = headers.find(({ type }) => !headerTypes.includes(type))
    if (refused !== undefined) throw new FrameError(`header type ${refused.type}`)
  }

  #take(message: Message): void {
    if (this.component === undefined) this.#connect(message)
    else if (message.streamId === 0) this.#takeOnStreamZero(message)
    else this.#takeOnStream(this.component, message)
  }

  #connect({ type, flags, streamId, headers, payload }: Message): void {
    if (type !== MessageType.connect || flags !== 0 || streamId !== 0) {
      this.#refuseMessage('A connect message must be completed first')
      return
    }
    const isKnownVersion = headers[':version'] === '0.1.0'
    const login = isKnownVersion ? this.#nucleus.login(parsed(payload)) : undefined
    if (login === undefined) {
      if (this.#nucleus.character.answersRefusals) this.#acknowledge(0, {})
      this.#socket.destroySoon()
      return
    }
    this.component = login.component
    const token = login.newToken
    this.#acknowledge(CONNECTION_ACCEPTED, token === undefined ? {} : { svcuid: token })
  }

  #acknowledge(flags: number, headers: Readonly<Record<string, string>>): void {
    const payload = Buffer.alloc(0)
    this.#send({ type: MessageType.connectAck, flags, streamId: 0, headers, payload })
  }

  #takeOnStreamZero({ type, headers, payload }: Message): void {
    if (type === MessageType.pingResponse) {
      this.pingResponses.push(payload)
      if (this.#nucleus.character.servesStreamZero) return
    }
    if (type !== MessageType.ping || !this.#nucleus.character.servesStreamZero) {
      this.#refuseMessage('Unexpected message on stream 0')
      return
    }
    const echoed = Object.entries(headers).filter(([name]) => !name.startsWith(':'))
    this.#send({
      type: MessageType.pingResponse,
      flags: 0,
      streamId: 0,
      headers: Object.fromEntries(echoed),
      payload,
    })
  }

  #takeOnStream(component: string, message: Message): void {
    const { streamId, flags } = message
    const { numbersStreams } = this.#nucleus.character
    const isNew = streamId > this.#lastStreamId
    if (numbersStreams && isNew && streamId !== this.#lastStreamId + 1) {
      this.#refuseMessage(`Expected stream ${this.#lastStreamId + 1}, got ${streamId}`)
      return
    }
    if (isNew) this.#lastStreamId = streamId
    if ((flags & TERMINATE_STREAM) !== 0) this.#endStream(streamId)
    else if (numbersStreams && !isNew) this.#refuseMessage(`Stream ${streamId} is not new`)
    else void this.#answer(component, message)
  }

  async #answer(component: string, { streamId, headers, payload }: Message): Promise<void> {
    const name = headers['operation'] ?? ''
    const operation = name.replace(OPERATION_PREFIX, '')
    const known = operationOf(operation, this.#nucleus.character)
    const releases: (() => void)[] = []
    this.#streams.set(streamId, releases)
    const answer = this.#carryOut(known, { component, operation, streamId, payload, releases })

    const action = this.#faults.actionBefore(operation)
    if (action !== undefined) await action()

    if (this.#streams.get(streamId) !== releases) return
    const isError = answer.type === MessageType.applicationError
    const isLast = isError || known?.streams !== true
    const isFlagged = isError || (isLast && this.#nucleus.character.flagsLastAnswers)
    this.#send({ ...answer, flags: isFlagged ? TERMINATE_STREAM : 0, streamId })
    if (isLast) this.#endStream(streamId)
  }

  #carryOut(known: Operation | undefined, call: StreamCall): Answer {
    const { component, operation, streamId, releases } = call
    try {
      if (known === undefined) return this.#unsupported(operation)
      const request = parsed(call.payload)
      if (!isObject(request)) return this.#unreadable()
      const response = known.answer({
        nucleus: this.#nucleus,
        component,
        operation,
        request,
        send: (shape, event) => this.#sendEvent(streamId, shape, event),
        onEnd: (release) => releases.push(release),
      })
      this.#nucleus.requests.push({ component, operation, request })
      return this.#jsonAnswer(MessageType.applicationMessage, `${operation}Response`, response)
    } catch (error) {
      if (error instanceof IpcError) return this.#errorAnswer(error)
      if (error instanceof SyntaxError) return this.#unreadable()
      throw error
    }
  }

  /** Returns false when the event is too large for a frame. */
  #sendEvent(streamId: number, shape: string, event: unknown): boolean {
    const { headers, payload } = this.#jsonAnswer(MessageType.applicationMessage, shape, event)
    const type = MessageType.applicationMessage
    const bytes = this.#encode({ type, flags: 0, streamId, headers, payload })
    if (bytes.length > this.#nucleus.character.maxEventBytes) return false
    this.write(this.#faults.writtenOf(bytes))
    return true
  }

  #jsonAnswer(type: number, shape: string, body: unknown): Answer {
    const headers = { ':content-type': JSON_TYPE, 'service-model-type': OPERATION_PREFIX + shape }
    return { type, headers, payload: Buffer.from(this.#nucleus.character.textOf(body)) }
  }

  #errorAnswer({ code, message }: IpcError): Answer {
    const body = this.#nucleus.character.errorPayload(code, message)
    return this.#jsonAnswer(MessageType.applicationError, code, body)
  }

  /** The classic nucleus answers with errors that its model does not have. */
  #unsupported(operation: string): Answer {
    if (!this.#nucleus.character.hasUnmodelledErrors) {
      return this.#errorAnswer(new IpcError('ServiceError'))
    }
    const body: JsonObject = { error: 'Unsupported Operation', message: operation }
    const payload = Buffer.from(JSON.stringify(body))
    return { type: MessageType.applicationError, headers: { ':content-type': JSON_TYPE }, payload }
  }

  #unreadable(): Answer {
    if (!this.#nucleus.character.hasUnmodelledErrors) {
      return this.#errorAnswer(new IpcError('ServiceError'))
    }
    const headers = { ':content-type': 'text/plain' }
    const payload = Buffer.from('InternalServerError')
    return { type: MessageType.applicationError, headers, payload }
  }

  /** For a message that breaks the protocol: the connection ends. */
  #refuseMessage(reason: string): void {
    if (!this.#nucleus.character.servesStreamZero) {
      this.close()
      return
    }
    const headers = { ':content-type': JSON_TYPE }
    const payload = Buffer.from(JSON.stringify({ message: reason }))
    this.#send({ type: MessageType.protocolError, flags: 0, streamId: 0, headers, payload })
    this.#release()
    this.#socket.destroySoon()
  }

  #endStream(streamId: number): void {
    const releases = this.#streams.get(streamId) ?? []
    this.#streams.delete(streamId)
    for (const release of releases) release()
  }

  #release(): void {
    for (const streamId of this.#streams.keys()) this.#endStream(streamId)
  }

  #send(message: Message): void {
    this.write(this.#encode(message))
  }

  #encode(message: Message): Buffer {
    return encodeFrame(frameOf(message, this.#nucleus.character.commonHeaders))
  }
}

interface StreamCall {
  readonly component: string
  readonly operation: string
  readonly streamId: number
  readonly payload: Buffer
  readonly releases: (() => void)[]
}

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString())
  } catch {
    return undefined
  }
}
