/** An HTTP server that shows a fake connector. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../../src/channels/ledger/ledger.ts'
import type { Right } from '../../../src/http/access/right.ts'
import { createToken, tokenFileText } from '../../../src/http/access/token-file.ts'
import { HttpServer, type HttpServerOptions } from '../../../src/http/http-server.ts'
import type { HttpOptions } from '../../../src/http/options.ts'
import type { ConnectorView, Health, MessagePage } from '../../../src/http/views/connector-view.ts'
import type {
  DeadLetterFilter,
  DeadLetterPage,
  ReplayRequest,
} from '../../../src/http/views/dead-letters-view.ts'
import type { RetryRequest } from '../../../src/http/views/destinations-view.ts'
import type { HistoryReplayRequest } from '../../../src/http/views/history-replay-view.ts'
import type { ReadFrom } from '../../../src/http/views/read-from.ts'
import type { Message } from '../../../src/message.ts'
import { temporaryDirectory } from '../processes/running-connector.ts'
import { SAMPLE_CHANNELS, SAMPLE_HISTORY, SAMPLE_SNAPSHOT } from './sample-figures.ts'

export const START = Date.UTC(2026, 0, 1)

/** A connector with one channel, `pumps`, whose messages are in an array. */
export class ListView implements ConnectorView {
  state: Health = {
    level: 'ok',
    verdict: 'running',
    live: true,
    ready: true,
    storage: 'ok',
    sources: [],
    destinations: [],
    problems: [],
    outage: undefined,
  }
  readonly messages: Message[] = []
  readonly waiting: (() => void)[] = []
  readonly signals: AbortSignal[] = []
  failure: Error | undefined
  letters: DeadLetterPage | undefined
  readonly asked: unknown[] = []
  /** Awaited by each search and each replay. */
  whileSearching: () => Promise<void> = async () => {}
  whileReplaying: () => Promise<void> = async () => {}
  searches = 0
  ledgers = 0
  snapshots = 0
  reads = 0
  /** The problem of the store. */
  problem: string | undefined

  add(payload: string | Buffer, senderId?: string): void {
    const offset = this.messages.length
    this.messages.push({
      offset,
      receivedAt: START + offset * 1000,
      topic: 'iotanalytics/channels/pumps/messages/put',
      senderId,
      messageId: senderId ?? `log-${offset}`,
      payload: Buffer.from(payload),
      reply: undefined,
    })
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  health(): Health {
    return this.state
  }

  ledger(): readonly ChannelLedger[] {
    this.ledgers += 1
    return ['pumps', 'valves'].map((channel) => ({
      channel,
      received: 10,
      delivered: 6,
      rejected: 0,
      dropped: { QueueFull: 2 },
      expired: 0,
      waiting: 1,
      inFlight: 1,
      bytes: 1000,
      oldestWaitingAt: channel === 'pumps' ? START : undefined,
      readers: {},
    }))
  }

  readonly identity = { instance: 'box', version: '0.0.0' }

  snapshot() {
    this.snapshots += 1
    return SAMPLE_SNAPSHOT
  }

  channelList() {
    return SAMPLE_CHANNELS
  }

  async channelDetail() {
    return undefined
  }

  history() {
    return SAMPLE_HISTORY
  }

  channelHistory(name: string) {
    return name === 'pumps' ? SAMPLE_HISTORY : undefined
  }

  settings() {
    return { files: [], settings: [] }
  }

  async fields(name: string) {
    return name === 'pumps' ? { messages: 0, fields: [] } : undefined
  }

  async story(id: string) {
    return { id, messages: [], notes: [] }
  }

  async tables() {
    return { tables: [], next: null }
  }

  store(): StoreLedger {
    return {
      state: 'ok',
      problem: this.problem,
      bytes: 2000,
      maxBytes: 4000,
      historyBytes: 0,
      bytesWritten: 5000,
      syncs: 7,
      messageBytes: 2500,
      deadLetters: 3,
      deadLettersLost: 0,
    }
  }

  outage(): readonly OutageLeft[] {
    return [{ channel: 'pumps', seconds: 7300.5, bound: 'storage.maxBytes' }]
  }

  async metrics() {
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' }
  }

  async readMessages(
    channel: string,
    from: ReadFrom,
    limit: number,
  ): Promise<MessagePage | undefined> {
    this.reads += 1
    if (this.failure !== undefined) throw this.failure
    if (channel !== 'pumps') return undefined
    const start = this.#start(from)
    const messages = this.messages.slice(start, start + limit)
    return { messages, next: Math.max(start, start + messages.length) }
  }

  async why(id: string) {
    this.searches += 1
    await this.whileSearching()
    const message = { channel: 'pumps', offset: 0, sentences: ['It came.', 'It went.'] }
    return { id, messages: id === 'a/b' ? [message] : [], notes: ['Not all was looked at.'] }
  }

  async readDeadLetters(filter: DeadLetterFilter, from: number, limit: number) {
    this.asked.push({ filter, from, limit })
    return this.letters
  }

  async replayDeadLetters(request: ReplayRequest) {
    this.asked.push(request)
    await this.whileReplaying()
    const refusal = { error: 'QueueFull', message: 'full' }
    return { matched: 2, replayed: 1, refused: [{ offset: 7, refusal }], next: undefined, to: 9 }
  }

  async replayHistory(request: HistoryReplayRequest) {
    this.asked.push(request)
    if (request.channel !== 'pumps') return undefined
    const counts = { matched: 3, replayed: 2, duplicates: 1, waiting: 2 }
    return { ...counts, firstReceivedAt: START, stopped: undefined, next: 4, to: 9 }
  }

  nextAttempts() {
    return new Map([['cloud', new Map([['pumps', '2026-01-01T00:00:09.000Z']])]])
  }

  destinations() {
    return this.state.destinations
  }

  retryNow(request: RetryRequest) {
    this.asked.push(request)
    if (request.channel === 'nobody') return 'channel'
    if (request.destination === 'nowhere') return 'destination'
    return [{ destination: 'cloud', retried: 2 }]
  }

  async waitForMessages(_channel: string, _offset: number, signal: AbortSignal): Promise<void> {
    this.signals.push(signal)
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  #start(from: ReadFrom): number {
    if (from === 'earliest') return 0
    if (from === 'now') return this.messages.length
    if ('offset' in from) return from.offset
    const first = this.messages.findIndex(({ receivedAt }) => receivedAt >= from.timeMs)
    return first === -1 ? this.messages.length : first
  }
}

export const HTTP_OPTIONS: HttpOptions = {
  host: '127.0.0.1',
  port: 0,
  hosts: [],
  allowAnonymous: false,
}

/** Options with a token that may do everything, and the header with it. */
export const WITH_TOKEN = { token: 'operator-token-of-tests' }
export const OPERATOR = { authorization: `Bearer ${WITH_TOKEN.token}` }

export async function serve(
  t: TestContext,
  options: Partial<HttpOptions> = {},
  others: Omit<HttpServerOptions, 'options' | 'view'> = {},
) {
  const view = new ListView()
  const server = new HttpServer({ options: { ...HTTP_OPTIONS, ...options }, view, ...others })
  t.after(() => server.close())
  await server.start()
  return { view, server, url: server.description }
}

/** Serves with a file of tokens that has one; `tokens` is its path. */
export async function serveWithToken(
  t: TestContext,
  right: Right,
  options: Partial<HttpOptions> = {},
  others: Omit<HttpServerOptions, 'options' | 'view'> = {},
) {
  const tokens = join(await temporaryDirectory(t), 'tokens')
  const { token, stored } = createToken('tester', right, START)
  await writeFile(tokens, tokenFileText([stored]), { mode: 0o600 })
  const served = await serve(t, { ...options, tokens }, others)
  return { ...served, token, tokens, headers: { authorization: `Bearer ${token}` } }
}

export async function jsonOf(response: Response) {
  return JSON.parse(await response.text())
}

export async function linesOf(response: Response): Promise<Record<string, unknown>[]> {
  const lines = (await response.text()).split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}
