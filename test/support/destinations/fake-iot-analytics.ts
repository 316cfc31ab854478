/**
 * An IoT Analytics that speaks BatchPutMessage: it checks every request against the API's model and
 * quotas, verifies its signature, keeps the accepted messages, and gives any answer that a test
 * asks for.
 *
 *     const api = await FakeIotAnalytics.start(t)
 *     api.answerNext(exception('ThrottlingException'), reset())
 *     …
 *     await api.until(() => api.received('my_channel').length === 5)
 *     assert.deepEqual(api.violations, [])
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ConnectionNumbers } from './connection-numbers.ts'
import {
  exception,
  type FakeAnswer,
  type FakeCall,
  type FakeMessage,
  refusing,
} from './fake-answers.ts'
import {
  type ArrivedRequest,
  type FakeIdentity,
  type SignatureProblem,
  signatureProblem,
} from './fake-signature-check.ts'

export const FAKE_IDENTITY: FakeIdentity = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}

export interface FakeOptions {
  readonly region?: string
  /** The identity whose signatures are accepted. Null: requests must be unsigned. */
  readonly identity?: FakeIdentity | null
  /** How far the service's clock is ahead of this machine's. */
  readonly clockOffsetMs?: number
  /** Channels that exist. Default: any. */
  readonly channels?: readonly string[]
  /** The path of the endpoint, for endpoints with a path. */
  readonly basePath?: string
}

export interface FakeRequest extends ArrivedRequest {
  readonly headers: IncomingMessage['headers']
  readonly status: number | undefined
}

export interface FakeBatch {
  readonly channel: string
  readonly messages: readonly FakeMessage[]
  /** When it was accepted, in ms since 1970. */
  readonly at: number
  readonly connection: number
}

interface Cleanup {
  after(release: () => Promise<void>): void
}

/** AWS documents no limit; 100 messages of 128 KB in base64 are 17.5 MB. */
const MAX_BODY_BYTES = 20_000_000
const MAX_PAYLOAD_BYTES = 131_072
const CHANNEL_NAME = /^(?!__)[a-zA-Z0-9_]{1,128}$/
const MESSAGE_ID = /^\p{ASCII}{1,128}$/u

export class FakeIotAnalytics {
  /** Errors in requests, in order. With a correct client there are none. */
  readonly violations: string[] = []
  /** All requests, whatever the answer. */
  readonly requests: FakeRequest[] = []
  readonly #options: FakeOptions
  readonly #server: Server
  readonly #received = new Map<string, FakeMessage[]>()
  readonly #batches: FakeBatch[] = []
  readonly #numbers = new ConnectionNumbers()
  readonly #next: FakeAnswer[] = []
  readonly #standing: { readonly condition: (call: FakeCall) => boolean; answer: FakeAnswer }[] = []
  readonly #waiting = new Set<() => void>()
  #identity: FakeIdentity | null
  #connections = 0

  private constructor(options: FakeOptions) {
    this.#options = options
    this.#identity = options.identity === undefined ? FAKE_IDENTITY : options.identity
    this.#server = createServer((request, response) => this.#take(request, response))
    this.#server.keepAliveTimeout = 60_000
    this.#server.on('connection', () => {
      this.#connections += 1
    })
  }

  static async start(t: Cleanup, options: FakeOptions = {}): Promise<FakeIotAnalytics> {
    const api = new FakeIotAnalytics(options)
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve))
    t.after(() => api.stop())
    return api
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string')
      throw new Error('the fake is not listening')
    return `http://127.0.0.1:${address.port}${this.#options.basePath ?? ''}`
  }

  /** Connections opened so far. */
  get connections(): number {
    return this.#connections
  }

  /** Accepted messages of a channel in their order, duplicates included. */
  received(channel: string): readonly FakeMessage[] {
    return this.#received.get(channel) ?? []
  }

  /** The same, grouped by call. */
  batches(channel: string): readonly (readonly FakeMessage[])[] {
    return this.#batches
      .filter((batch) => batch.channel === channel)
      .map(({ messages }) => messages)
  }

  /** All accepted calls, in order. */
  get calls(): readonly FakeBatch[] {
    return this.#batches
  }

  get messageCount(): number {
    let count = 0
    for (const messages of this.#received.values()) count += messages.length
    return count
  }

  /** Sets the answers of the next calls, one for each. */
  answerNext(...answers: readonly FakeAnswer[]): void {
    this.#next.push(...answers)
  }

  /** Sets the answer of every call for which the condition holds. */
  answerWhile(condition: (call: FakeCall) => boolean, answer: FakeAnswer): void {
    this.#standing.push({ condition, answer })
  }

  /** Drops the answers that the test asked for and gives its own again. */
  recover(): void {
    this.#next.length = 0
    this.#standing.length = 0
  }

  /** Accepts signatures of this identity and no others from now on. */
  trust(identity: FakeIdentity | null): void {
    this.#identity = identity
  }

  /** Resolves when the condition holds. It is checked after each request. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
      })
    }
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let bytes = 0
    response.setHeader('date', new Date(this.#now()).toUTCString())
    request.on('error', () => {})
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    })
    request.on('end', () => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      const arrived: ArrivedRequest = {
        method: request.method ?? '',
        path: request.url ?? '',
        rawHeaders: request.rawHeaders,
        body,
      }
      this.#answer(arrived, request, response)
      const status = response.headersSent ? response.statusCode : undefined
      this.requests.push({ ...arrived, headers: request.headers, status })
      for (const wake of this.#waiting) wake()
      this.#waiting.clear()
    })
  }

  #answer(arrived: ArrivedRequest, request: IncomingMessage, response: ServerResponse): void {
    const problem = this.#signatureProblem(arrived)
    const parsed = parseCall(arrived, request, `${this.#options.basePath ?? ''}/messages/batch`)
    if (typeof parsed === 'string') this.violations.push(parsed)
    if (problem !== undefined) {
      exception(problem.exception, { message: problem.message })(NO_CALL, response)
    } else if (typeof parsed === 'string') {
      const invalid = exception('InvalidRequestException', { message: parsed })
      const standing = this.#standing.find(({ condition }) => condition(NO_CALL))
      const answer = standing?.answer ?? invalid
      answer(NO_CALL, response)
    } else {
      const from = this.#numbers.of(request.socket)
      const call: FakeCall = { ...parsed, accept: (wanted) => this.#accept(parsed, from, wanted) }
      this.#answerFor(call)(call, response)
    }
  }

  #answerFor(call: FakeCall): FakeAnswer {
    const next = this.#next.shift()
    if (next !== undefined) return next
    const standing = this.#standing.find(({ condition }) => condition(call))
    if (standing !== undefined) return standing.answer
    if (this.#options.channels?.includes(call.channel) === false) {
      const message = `Channel ${call.channel} does not exist`
      return exception('ResourceNotFoundException', { message })
    }
    return refusing(() => undefined)
  }

  #accept(
    { channel, messages }: ParsedCall,
    connection: number,
    wanted: (message: FakeMessage) => boolean = () => true,
  ): void {
    const kept = this.#received.get(channel) ?? []
    this.#received.set(channel, kept)
    const accepted = messages.filter(wanted)
    kept.push(...accepted)
    this.#batches.push({ channel, messages: accepted, at: Date.now(), connection })
  }

  #signatureProblem(arrived: ArrivedRequest): SignatureProblem | undefined {
    const { region = 'us-west-2' } = this.#options
    if (this.#identity !== null) {
      return signatureProblem(arrived, { identity: this.#identity, region, nowMs: this.#now() })
    }
    const isSigned = arrived.rawHeaders.some((name) => name.toLowerCase() === 'authorization')
    if (isSigned) this.violations.push('signed, where nobody asked for a signature')
    return undefined
  }

  #now(): number {
    return Date.now() + (this.#options.clockOffsetMs ?? 0)
  }
}

interface ParsedCall {
  readonly channel: string
  readonly messages: readonly FakeMessage[]
}

const NO_CALL: FakeCall = { channel: '', messages: [], accept() {} }

/** The call, or its error. */
function parseCall(
  { method, path, body }: ArrivedRequest,
  { headers }: IncomingMessage,
  expectedPath: string,
): ParsedCall | string {
  if (method !== 'POST' || path !== expectedPath) return `no such operation: ${method} ${path}`
  if (headers['content-type'] !== 'application/json')
    return `content-type ${headers['content-type']}`
  if (headers['content-length'] !== String(body.length)) {
    return `content-length ${headers['content-length']} with a body of ${body.length} bytes`
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    return `the body is not JSON: ${String(error)}`
  }
  if (!hasExactly(value, 'channelName', 'messages')) return 'members must be channelName, messages'
  const { channelName, messages } = value
  if (typeof channelName !== 'string' || !CHANNEL_NAME.test(channelName)) {
    return `channelName ${JSON.stringify(channelName)}`
  }
  if (!Array.isArray(messages) || messages.length < 1 || messages.length > 100) {
    return `messages must be 1 to 100, not ${Array.isArray(messages) ? messages.length : typeof messages}`
  }
  return parseMessages(channelName, messages)
}

function parseMessages(channel: string, entries: readonly unknown[]): ParsedCall | string {
  const messages: FakeMessage[] = []
  const ids = new Set<string>()
  for (const entry of entries) {
    if (!hasExactly(entry, 'messageId', 'payload')) return 'members must be messageId, payload'
    const { messageId, payload: text } = entry
    if (typeof messageId !== 'string' || !MESSAGE_ID.test(messageId)) {
      return `messageId ${JSON.stringify(messageId)}`
    }
    if (ids.has(messageId)) return `messageId ${messageId} occurs twice`
    ids.add(messageId)
    if (typeof text !== 'string') return `payload is a ${typeof text}`
    const payload = Buffer.from(text, 'base64')
    if (payload.toString('base64') !== text) return `payload is not base64: ${text.slice(0, 50)}`
    if (payload.length > MAX_PAYLOAD_BYTES) return `payload of ${payload.length} bytes`
    messages.push({ messageId, payload })
  }
  return { channel, messages }
}

function hasExactly(value: unknown, ...names: string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  return Object.keys(value).sort().join() === names.sort().join()
}
