/**
 * One operation on its stream, from the request to its end.
 *
 *     waiting ──response──▶ answered: over, or a subscription that takes events
 *        └──error, deadline, end of the stream──▶ over
 *
 * An event may come before the response; `service-model-type` says which of the two a message is.
 */

import {
  type EventHandler,
  type IpcClock,
  type IpcTimer,
  isJsonObject,
  type JsonObject,
} from './caller.ts'
import { IpcError, serviceCodeOf } from './ipc-error.ts'
import { Flag, type Message, MessageType, modelTypeOf } from './message.ts'

export interface StreamOptions {
  readonly operation: string
  /** Of a subscription; an operation that is answered once has none. */
  readonly handler: EventHandler | undefined
  readonly clock: IpcClock
  readonly deadlineMs: number
  /** No response came in time. The stream does not end by itself. */
  readonly expired: (error: IpcError) => void
  /** An event can't be read. */
  readonly unreadable: () => void
}

export class Stream {
  readonly #options: StreamOptions
  readonly response: Promise<JsonObject>
  readonly #timer: IpcTimer
  #resolve: (response: JsonObject) => void = () => {}
  #reject: (error: IpcError) => void = () => {}
  #isAnswered = false
  #isOver = false

  constructor(options: StreamOptions) {
    this.#options = options
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = options.clock.after(options.deadlineMs, () => setImmediate(() => this.#expire()))
  }

  get isSubscription(): boolean {
    return this.#options.handler !== undefined
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  get isOver(): boolean {
    return this.#isOver
  }

  take(message: Message): void {
    const { operation, handler } = this.#options
    if (message.type === MessageType.applicationError) this.end(errorOf(operation, message))
    else if (handler === undefined) this.#answerOnce(message.payload)
    else this.#takeOfSubscription(message, handler)
  }

  #takeOfSubscription(message: Message, handler: EventHandler): void {
    const { operation } = this.#options
    const isLast = (message.flags & Flag.terminateStream) !== 0
    const isResponse = modelTypeOf(message) === `aws.greengrass#${operation}Response`
    if (!isResponse && message.payload.length > 0) this.#event(handler, message.payload)
    if (isLast) this.end(new IpcError('StreamEnded', `${operation}: the nucleus ended the stream`))
    else if (isResponse) this.#answer({})
  }

  /** Reports the error to the caller or, after the response, to the subscription's handler. */
  end(error: IpcError): void {
    if (this.#isOver) return
    this.close()
    if (this.#isAnswered) this.#options.handler?.ended(error)
    else this.#reject(error)
  }

  /**
   * A process that was held up or suspended calls its timers before it reads its sockets: an answer
   * that is there counts.
   */
  #expire(): void {
    if (this.#isAnswered || this.#isOver) return
    const { operation, deadlineMs, expired } = this.#options
    const message = `expected an answer within ${deadlineMs} ms, got none`
    expired(new IpcError('DeadlineExceeded', `${operation}: ${message}`))
  }

  /** Nothing is reported from here on. */
  close(): void {
    this.#isOver = true
    this.#timer.cancel()
  }

  /** Whether the nucleus says so or not, the stream of such an operation ends with its answer. */
  #answerOnce(payload: Buffer): void {
    const { operation } = this.#options
    const response = jsonOf(payload)
    if (response === undefined) {
      const message = `${operation}: expected a JSON object as the answer, got other bytes`
      this.end(new IpcError('ProtocolViolation', message))
    } else {
      this.#answer(response)
      this.close()
    }
  }

  #answer(response: JsonObject): void {
    this.#isAnswered = true
    this.#timer.cancel()
    this.#resolve(response)
  }

  #event(handler: EventHandler, payload: Buffer): void {
    if (this.#isOver) return
    const event = jsonOf(payload)
    if (event === undefined || !handler.event(event)) this.#options.unreadable()
  }
}

/** Undefined if the bytes are not a JSON object. */
export function jsonOf(payload: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString())
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** An error without a model is plain text, or JSON with a field `error`. */
function errorOf(operation: string, message: Message): IpcError {
  const payload = jsonOf(message.payload)
  const text = payload === undefined ? message.payload.toString() : textOf(payload)
  const name = modelTypeOf(message) || String(payload?.['_errorCode'] ?? '')
  const code = serviceCodeOf(name.replace('aws.greengrass#', ''))
  return new IpcError(code, `${operation}: ${code}: ${text || 'the nucleus gives no reason'}`)
}

/** The classic nucleus writes `message`, nucleus lite `_message`. */
export function textOf(payload: JsonObject): string {
  return String(payload['message'] ?? payload['_message'] ?? payload['error'] ?? '')
}
