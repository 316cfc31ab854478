/**
 * The endpoint that the connector delivers to: it accepts BatchPutMessage calls and reports them to
 * the oracle. It can be well, away or moody. A moody endpoint refuses, hangs, answers garbage, or
 * accepts the messages and loses the answer.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { resetSocket } from '../support/servers/reset-socket.ts'
import { EndpointAnswer } from './endpoint-answer.ts'
import type { Oracle } from './oracle.ts'

export type EndpointState = 'well' | 'away' | 'moody'

interface Batch {
  readonly channelName: string
  readonly messages: readonly { readonly messageId: string; readonly payload: string }[]
}

type Mood = (batch: Batch, response: ServerResponse, answer: EndpointAnswer) => void

export class Endpoint {
  state: EndpointState = 'well'
  /** A channel from which nothing is accepted, even while the endpoint is well. */
  stuckChannel: string | undefined
  oracle: Oracle
  /** Calls that were not simply accepted, by what happened to them. */
  readonly moods: Record<string, number> = {}
  readonly #random: () => number
  readonly #unordered: ReadonlySet<string>
  readonly #server: Server

  constructor(oracle: Oracle, random: () => number, unordered: ReadonlySet<string>) {
    this.oracle = oracle
    this.#random = random
    this.#unordered = unordered
    this.#server = createServer((request, response) => this.#take(request, response))
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  /** Resolves when all calls of a process that has ended were looked at. */
  async quiet(): Promise<void> {
    const connections = () =>
      new Promise<number>((resolve) =>
        this.#server.getConnections((_error, count) => resolve(count)),
      )
    while ((await connections()) > 0) await delay(5)
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    return `http://127.0.0.1:${address.port}`
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    response.on('error', () => {})
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    const answer = EndpointAnswer.to(request.socket)
    request.on('end', () => this.#answer(Buffer.concat(chunks), response, answer))
  }

  #answer(body: Buffer, response: ServerResponse, answer: EndpointAnswer): void {
    const batch: Batch = JSON.parse(body.toString())
    if (batch.channelName === this.stuckChannel) {
      response.writeHead(503).end('unavailable')
      return
    }
    if (this.state === 'well' || (this.state === 'moody' && this.#random() < 0.7)) {
      this.#accept(batch, answer)
      answerJson(response, { batchPutMessageErrorEntries: [] })
      return
    }
    const [name, mood] = this.state === 'away' ? AWAY : this.#mood(batch.channelName)
    this.moods[name] = (this.moods[name] ?? 0) + 1
    mood(batch, response, answer)
  }

  #mood(channel: string): readonly [string, Mood] {
    const moods = this.#unordered.has(channel)
      ? [...this.#moods(), this.#puttingOff()]
      : this.#moods()
    return moods[Math.floor(this.#random() * moods.length)] ?? AWAY
  }

  #moods(): (readonly [string, Mood])[] {
    return [
      ['endpoint answers 503', (_batch, response) => response.writeHead(503).end('unavailable')],
      ['endpoint throttles', throttle],
      ['endpoint hangs', () => {}],
      ['endpoint resets', (_batch, response) => resetSocket(response.socket)],
      ['endpoint answers garbage', (_batch, response) => response.writeHead(502).end('\0<html>{')],
      [
        'endpoint takes, answer lost',
        (batch, response, answer) => {
          answer.isLost = true
          this.#accept(batch, answer)
          resetSocket(response.socket)
        },
      ],
    ]
  }

  /** Accepts two messages of three; the third has to be sent again. */
  #puttingOff(): readonly [string, Mood] {
    const isPutOff = (_message: unknown, index: number) => index % 3 === 2
    return [
      'endpoint takes parts',
      ({ channelName, messages }, response, answer) => {
        this.#accept({ channelName, messages: messages.filter((m, i) => !isPutOff(m, i)) }, answer)
        const entries = messages.filter(isPutOff).map(({ messageId }) => ({
          messageId,
          errorCode: 'InternalFailureException',
        }))
        answerJson(response, { batchPutMessageErrorEntries: entries })
      },
    ]
  }

  #accept({ channelName, messages }: Batch, answer: EndpointAnswer): void {
    for (const { messageId, payload } of messages) {
      this.oracle.delivered(channelName, messageId, Buffer.from(payload, 'base64'), answer)
    }
  }
}

const AWAY: readonly [string, Mood] = [
  'endpoint refuses',
  (_batch, response) => resetSocket(response.socket),
]

function throttle(_batch: Batch, response: ServerResponse): void {
  response.writeHead(429, { 'x-amzn-errortype': 'ThrottlingException' }).end('{"message":"slow"}')
}

function answerJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
