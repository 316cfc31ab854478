/**
 * A service that takes batches in HTTP requests and stores them, as a test's own application would.
 * It keeps the idempotency keys of what it has stored.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import type { Cleanup } from '../servers/server-process.ts'
import { ScriptedServer } from './scripted-server.ts'

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

export class HttpCollector extends ScriptedServer<Answering> {
  readonly requests: CollectedRequest[] = []
  readonly stored: Stored[] = []
  readonly #keys = new Set<unknown>()
  readonly #script: Answering[] = []

  static async start(t: Cleanup): Promise<HttpCollector> {
    return await new HttpCollector().listen(t)
  }

  get url(): string {
    return `${this.origin}/ingest?source=test`
  }

  /** The posts among the requests. */
  get posts(): CollectedRequest[] {
    return this.requests.filter(({ method }) => method === 'POST')
  }

  /** Answers to the next requests, in place of storing them. */
  next(...answers: readonly Answering[]): void {
    this.#script.push(...answers)
  }

  /** Answers 400 to every request whose body has one of these texts. */
  poison(texts: readonly string[], answer: ScriptedAnswer = { status: 400, body: 'bad' }): void {
    this.when((body) => texts.some((text) => body.includes(text)), answer)
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

  protected override note(request: IncomingMessage, bytes: Buffer): void {
    this.requests.push(collected(request, bytes))
  }

  protected override answer(
    request: IncomingMessage,
    bytes: Buffer,
    response: ServerResponse,
  ): void {
    const one = collected(request, bytes)
    const answer = this.#script.shift() ?? this.ruleFor(one.body) ?? 'stored'
    if (answer === 'silence') return
    if (answer === 'stored' || answer === 'lost') this.#store(one)
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

function collected({ method = '', url: path = '', headers }: IncomingMessage, bytes: Buffer) {
  const body = String(headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes)
  const request: CollectedRequest = { method, path, headers, body }
  return request
}

function rowsIn(contentType: string, body: string): Stored[] {
  if (contentType !== 'application/x-ndjson') return JSON.parse(body) as Stored[]
  const lines = body.split('\n')
  if (lines.pop() !== '') throw new Error('the last line does not end')
  return lines.map((line) => JSON.parse(line) as Stored)
}
