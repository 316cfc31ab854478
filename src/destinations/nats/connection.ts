/**
 * A connection to NATS that sends batches and collects their acknowledgements, all on one inbox. It is
 * not used any more after a failure: what it had not sent yet must not arrive later.
 */
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { ConnectorError } from '../../errors.ts'
import type { Message } from '../../message.ts'
import { payloadOf } from '../rows/payload.ts'
import { type Acknowledgement, AcknowledgementReader } from './acknowledgement.ts'
import { type ApiError, meaningOf, NO_STREAM } from './failure.ts'

interface WaitingBatch {
  readonly answers: Acknowledgement[]
  missing: number
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

export interface Publication {
  readonly subject: string
  readonly messages: readonly Message[]
  /** Of all messages, back to back. They must stay until the messages are answered. */
  readonly headers: Buffer
  /** Where the headers of each message begin and end. */
  readonly headerStarts: readonly number[]
  readonly headerStops: readonly number[]
}

/** What the client asks of the headers of a message that it sends: their bytes, at once. */
class EncodedHeaders {
  bytes: Uint8Array = new Uint8Array(0)

  encode(): Uint8Array {
    return this.bytes
  }
}

export class NatsLink {
  readonly #connection: NatsConnection
  readonly #inbox: string
  readonly #waiting = new Map<string, WaitingBatch>()
  readonly #answers = new AcknowledgementReader()
  #batches = 0
  #failure: unknown

  constructor(connection: NatsConnection, inbox: string) {
    this.#connection = connection
    this.#inbox = inbox
    connection.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) return this.end(error)
        const { subject } = message
        const middle = subject.indexOf('_', inbox.length)
        const batch = subject.slice(inbox.length + 1, middle)
        const isNobody = message.headers?.code === 503
        const answer = isNobody ? NOBODY : this.#answers.read(message.data)
        this.#take(batch, Number(subject.slice(middle + 1)), answer)
      },
    })
    void connection.closed().then((error) => this.end(error ?? new Error('connection closed')))
    void this.#watch()
  }

  get isUsable(): boolean {
    return this.#failure === undefined
  }

  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? 1_048_576
  }

  /** Sends all messages at once. Resolves when each has an answer. */
  async publish(publication: Publication): Promise<readonly Acknowledgement[]> {
    const { subject, messages, headers, headerStarts, headerStops } = publication
    if (this.#failure !== undefined) throw this.#failure
    const name = (this.#batches++).toString(36)
    const answered = new Promise<readonly Acknowledgement[]>((resolve, reject) => {
      const answers: Acknowledgement[] = []
      const done = () => resolve(answers)
      this.#waiting.set(name, { answers, missing: messages.length, done, fail: reject })
    })
    const prefix = `${this.#inbox}.${name}_`
    const encoded = new EncodedHeaders()
    // The client copies all bytes before the event loop goes on.
    const options = { reply: '', headers: encoded as unknown as MsgHdrs }
    for (const [index, message] of messages.entries()) {
      const { bytes, start, stop } = payloadOf(message)
      encoded.bytes = viewOf(headers, headerStarts[index] ?? 0, headerStops[index] ?? 0)
      options.reply = `${prefix}${index}`
      this.#connection.publish(subject, viewOf(bytes, start, stop), options)
    }
    return await answered
  }

  /** Calls JetStream's API. @returns its answer, which may be an error */
  async ask<Answer>(subject: string, question: object, timeout: number) {
    const { promise, reject } = failing()
    const waiting = { answers: [], missing: 1, done: () => {}, fail: reject }
    const name = `api${this.#batches++}`
    this.#waiting.set(name, waiting)
    try {
      const asked = this.#connection.request(subject, JSON.stringify(question), { timeout })
      const answer = await Promise.race([asked, promise])
      return answer.json<Answer & { readonly error?: ApiError }>()
    } finally {
      this.#waiting.delete(name)
    }
  }

  /** Fails all that waits, and drops what has not been sent. */
  end(error: unknown): void {
    this.#failure ??= error
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { fail } of waiting) fail(this.#failure)
    void this.#connection.close().catch(() => {})
  }

  #take(batch: string, index: number, answer: Acknowledgement): void {
    const waiting = this.#waiting.get(batch)
    if (waiting === undefined || waiting.answers[index] !== undefined) return
    waiting.answers[index] = answer
    waiting.missing--
    if (waiting.missing > 0) return
    this.#waiting.delete(batch)
    waiting.done()
  }

  /** A message that is not permitted gets no answer, only an error of the connection. */
  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'error') this.end(status.error)
    }
  }
}

/** As `subarray` of a Buffer, which costs twice as much. */
function viewOf({ buffer, byteOffset }: Buffer, start: number, stop: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + start, stop - start)
}

const NOBODY: Acknowledgement = {
  error: { code: 503, err_code: 10_059, description: 'no responders' },
}

function failing(): { promise: Promise<never>; reject: (error: unknown) => void } {
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<never>((_, fail) => {
    reject = fail
  })
  promise.catch(() => {})
  return { promise, reject }
}

/** @throws {ConnectorError} if the API has answered with an error */
export function expectNoError(error: ApiError | undefined, doing: string): void {
  if (error === undefined) return
  const { code, message } =
    error.code === 503 && error.err_code === undefined ? NO_STREAM : meaningOf(error)
  // Not a message of ours is wrong, but the request.
  throw new ConnectorError(
    code === 'ContentRefused' ? 'DestinationUnavailable' : code,
    `${doing}: ${message}`,
  )
}
