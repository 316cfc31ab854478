/**
 * A service that takes batches in HTTP requests and stores them, as a test's own application would.
 * It keeps the idempotency keys of what it has stored.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'

export interface CollectedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** One row or event, as it was parsed. */
export type Stored = Readonly<Record<string, unknown>>

export interface ScriptedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** `lost`: stored, but the connection ends without an answer. `silence`: never answered. */
export type Answering = ScriptedAnswer | 'lost' | 'silence' | 'closed'

interface Cleanup {
  after(release: () => unknown): void
}

export class HttpCollector {
  readonly requests: CollectedRequest[] = []
  readonly stored: Stored[] = []
  readonly #keys = new Set<unknown>()
  readonly #script: Answering[] = []
  readonly #server: Server
  #rule: (request: CollectedRequest) => Answering | undefined = () => undefined
  #onRequest: (() => void) | undefined
  #delayMs = 0

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response))
  }

  static async start(t: Cleanup): Promise<HttpCollector> {
    const collector = new HttpCollector()
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve))
    t.after(async () => {
      collector.#server.closeAllConnections()
      await new Promise((resolve) => collector.#server.close(resolve))
    })
    return collector
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `http://127.0.0.1:${address.port}/ingest?source=test`
  }

  /** The posts among the requests. */
  get posts(): CollectedRequest[] {
    return this.requests.filter(({ method }) => method === 'POST')
  }

  /** Answers to the next requests, in place of storing them. */
  next(...answers: readonly Answering[]): void {
    this.#script.push(...answers)
  }

  /** Answers all requests so, until `recover`. */
  always(answer: Answering): void {
    this.#rule = () => answer
  }

  /** Answers 400 to every request whose body has one of these texts. */
  poison(texts: readonly string[], answer: ScriptedAnswer = { status: 400, body: 'bad' }): void {
    this.#rule = ({ body }) => (texts.some((text) => body.includes(text)) ? answer : undefined)
  }

  slow(delayMs: number): void {
    this.#delayMs = delayMs
  }

  recover(): void {
    this.#rule = () => undefined
    this.#delayMs = 0
  }

  /** Resolves once there has been a request. */
  async reached(): Promise<void> {
    if (this.requests.length > 0) return
    await new Promise<void>((resolve) => {
      this.#onRequest = resolve
    })
  }

  /** What arrived in a channel, as the contract of destinations compares it. */
  received(channel: string): { messageId: string; payload: Buffer }[] {
    return this.stored
      .filter((row) => row['channel'] === channel)
      .map((row) => ({
        messageId: String(row['message_id']),
        payload: Buffer.from(JSON.stringify(row['payload'])),
      }))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return
    }
    const { method = '', url: path = '', headers } = request
    const bytes = Buffer.concat(chunks)
    const body = String(headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes)
    const one: CollectedRequest = { method, path, headers, body }
    this.requests.push(one)
    this.#onRequest?.()
    if (this.#delayMs > 0) await delay(this.#delayMs)
    this.#answer(one, response)
  }

  #answer(request: CollectedRequest, response: ServerResponse): void {
    const answer = this.#script.shift() ?? this.#rule(request) ?? 'stored'
    if (answer === 'silence') return
    if (answer === 'stored' || answer === 'lost') this.#store(request)
    if (answer === 'lost' || answer === 'closed') return void response.destroy()
    const { status, headers = {}, body = '' } = answer === 'stored' ? { status: 202 } : answer
    response.writeHead(status, headers).end(body)
  }

  #store({ method, headers, body }: CollectedRequest): void {
    const key = headers['idempotency-key']
    if (method !== 'POST' || this.#keys.has(key)) return
    this.#keys.add(key)
    this.stored.push(...rowsIn(String(headers['content-type']), body))
  }
}

function rowsIn(contentType: string, body: string): Stored[] {
  if (contentType !== 'application/x-ndjson') return JSON.parse(body) as Stored[]
  const lines = body.split('\n')
  if (lines.pop() !== '') throw new Error('the last line does not end')
  return lines.map((line) => JSON.parse(line) as Stored)
}
