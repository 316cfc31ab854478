/**
 * A connection to NATS that sends batches and collects their acknowledgements, all on one inbox. It is
 * not used any more after a failure: what it had not sent yet must not arrive later.
 */
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { ConnectorError } from '../../errors.ts'
import type { Message } from '../../message.ts'
import { payloadOf } from '../rows/payload.ts'
import { type ApiError, meaningOf, NO_STREAM } from './failure.ts'

/** JetStream's answer to one message. */
export interface Acknowledgement {
  readonly seq?: number
  readonly stream?: string
  readonly error?: ApiError
}

interface WaitingBatch {
  readonly answers: Acknowledgement[]
  missing: number
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

export interface Publication {
  readonly subject: string
  readonly messages: readonly Message[]
  readonly headers: readonly string[]
}

export class NatsLink {
  readonly #connection: NatsConnection
  readonly #inbox: string
  readonly #waiting = new Map<string, WaitingBatch>()
  #batches = 0
  #failure: unknown

  constructor(connection: NatsConnection, inbox: string) {
    this.#connection = connection
    this.#inbox = inbox
    connection.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) return this.end(error)
        const [batch = '', index] = message.subject.slice(inbox.length + 1).split('_')
        const isNobody = message.headers?.code === 503
        this.#take(batch, Number(index), isNobody ? NOBODY : message.json<Acknowledgement>())
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
  async publish({ subject, messages, headers }: Publication): Promise<readonly Acknowledgement[]> {
    if (this.#failure !== undefined) throw this.#failure
    const name = (this.#batches++).toString(36)
    const answered = new Promise<readonly Acknowledgement[]>((resolve, reject) => {
      const answers: Acknowledgement[] = []
      const done = () => resolve(answers)
      this.#waiting.set(name, { answers, missing: messages.length, done, fail: reject })
    })
    for (const [index, message] of messages.entries()) {
      const { bytes, start, stop } = payloadOf(message)
      const reply = `${this.#inbox}.${name}_${index}`
      // The client asks nothing else of the headers of a message that it sends.
      const encoded = { encode: () => Buffer.from(headers[index] ?? '') } as unknown as MsgHdrs
      this.#connection.publish(subject, bytes.subarray(start, stop), { reply, headers: encoded })
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
