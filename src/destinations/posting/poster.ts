/**
 * Sends requests with messages to one URL, with quick retries, and says what became of them.
 *
 *     post ─▶ ┌ the server's pause ─▶ header fields, body ─▶ answer ┐ ─▶ accepted, or about content
 *             └────────────── delay ◀── may be accepted later ◀─────┘ ─▶ ConnectorError otherwise
 */
import { promisify } from 'node:util'
import { gzip as gzipWithCallback } from 'node:zlib'
import { shownUrl } from '../../addresses.ts'
import type { Clock } from '../../clock.ts'
import { connectionAdvice, connectionMessageOf } from '../../connection-errors/advice.ts'
import { type ConnectionPeer, peerAt } from '../../connection-errors/peer.ts'
import { ConnectorError, type ErrorCode, systemCodeOf } from '../../errors.ts'
import { cut, printable } from '../../shown-text.ts'
import { VERSION } from '../../version.ts'
import type { Answer } from '../http-client/http-exchange.ts'
import { HttpSender } from '../http-client/http-sender.ts'
import { pause } from '../http-client/wait.ts'
import { type AnswerKind, answerKindOf, isPage, retryAfterMsOf } from './answer-kind.ts'
import { type HeaderField, HeaderFields } from './header-fields.ts'
import type { PostOptions } from './post-options.ts'

const gzip = promisify(gzipWithCallback)

/** The length of the excerpt of an answer in error messages. */
const EXCERPT_CHARACTERS = 300
const MAX_TEXT_CHARACTERS = 1_000
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 5_000
/** The longest that a server's Retry-After holds requests back. */
const MAX_RETRY_AFTER_MS = 60_000
/** After a pause that the server asked for, requests come back spread over as much as this. */
const SPREAD_AFTER_PAUSE = 0.25
/** Level 1 takes a fraction of the time, and JSON shrinks to a quarter with any. */
const GZIP_LEVEL = 1

export interface PosterSettings {
  /** The path of the destination's options in the configuration. */
  readonly place: string
  /** The setting that holds the URL, such as `destinations[0].http.url`. */
  readonly setting: string
  readonly url: string
  readonly contentType: string
  readonly fields: readonly HeaderField[]
  readonly options: PostOptions
  readonly clock: Clock
  readonly random: () => number
}

export interface Post {
  /** What is being done, for errors: `sending a batch of 7 from channel c`. */
  readonly doing: string
  /** Must not change until the post is settled. */
  readonly body: Buffer
  /** Lines for this request alone, each with its line end. */
  readonly extraFields?: string
  readonly method?: 'POST' | 'OPTIONS'
  readonly signal: AbortSignal
}

export interface PostResult {
  readonly kind: 'accepted' | 'content'
  readonly answer: Answer
  /** For people: the status and what the server said. */
  readonly said: string
}

export class Poster {
  /** Where requests go, without secrets. */
  readonly shownUrl: string
  readonly #settings: PosterSettings
  readonly #opening: string
  readonly #http: HttpSender
  readonly #fields: HeaderFields
  readonly #peer: ConnectionPeer
  /** Until then requests wait, because the server asked for it. Of the monotonic clock. */
  #pausedUntil = 0

  constructor(settings: PosterSettings) {
    const { url, place, setting, options, clock } = settings
    const { origin, host, pathname, search } = new URL(url)
    this.#settings = settings
    this.shownUrl = shownUrl(url)
    this.#opening = `${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nuser-agent: iot-analytics-connector/${VERSION}\r\n`
    this.#fields = new HeaderFields(settings.fields, clock)
    this.#peer = peerAt('server', `${place}.tls`, setting)
    this.#http = new HttpSender({
      origin,
      access: { place, tls: options.tls, proxy: options.proxy },
      timeoutMs: options.timeout,
      maxConnections: options.maxConnections,
      clock,
    })
  }

  /** @throws {ConnectorError} InvalidConfiguration if a file that the settings name can't be used */
  async open(): Promise<void> {
    await this.#http.check()
    await this.#fields.read()
    this.#http.open()
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  /**
   * Resolves if the server has taken the messages, or has said that it can't because of what they
   * contain.
   * @throws {ConnectorError} with effect `retry` in every other case
   */
  async post(post: Post): Promise<PostResult> {
    try {
      return await this.#perform(post)
    } catch (thrown) {
      if (!post.signal.aborted) throw thrown
      throw new ConnectorError('Stopping', `${this.#doing(post)}: it was cancelled`, {
        cause: thrown,
      })
    }
  }

  async #perform(post: Post): Promise<PostResult> {
    const { options, clock, random } = this.#settings
    const { signal } = post
    signal.throwIfAborted()
    const body = options.gzip && post.body.length > 0 ? await compressed(post.body) : post.body
    for (let attempt = 1; ; attempt++) {
      await this.#serverPause(signal)
      const result = await this.#attempt(post, body)
      if (!(result instanceof Failed)) return result
      const isLast = attempt >= options.maxAttempts || !(await this.#isWorthAnother(result))
      if (isLast) throw result.error
      const delayMs = random() * Math.min(FIRST_DELAY_MS * 2 ** attempt, MAX_DELAY_MS)
      await pause(delayMs, { clock, signal })
    }
  }

  async #attempt(post: Post, body: Buffer): Promise<PostResult | Failed> {
    const bytes = await this.#headOf(post, body)
    const request = { bytes, ...(body.length > 0 && { body }), release: () => {} }
    let answer: Answer
    try {
      answer = await this.#http.send(() => request, post.signal)
    } catch (thrown) {
      post.signal.throwIfAborted()
      return new Failed('retry', this.#wireError(post, thrown))
    }
    const kind = answerKindOf(answer)
    const said = saidIn(answer)
    if (kind === 'accepted' || kind === 'content') return { kind, answer, said }
    this.#notePause(answer)
    return new Failed(kind, this.#errorOf(post, kind, answer, said))
  }

  async #headOf({ method = 'POST', extraFields = '' }: Post, body: Buffer): Promise<Buffer> {
    const { contentType, options } = this.#settings
    const encoding = options.gzip && body.length > 0 ? 'content-encoding: gzip\r\n' : ''
    const fields = await this.#fields.lines()
    return Buffer.from(
      `${method} ${this.#opening}content-type: ${contentType}\r\n${encoding}${fields}${extraFields}content-length: ${body.length}\r\n\r\n`,
      'latin1',
    )
  }

  async #isWorthAnother({ kind }: Failed): Promise<boolean> {
    if (kind === 'denied') return await this.#fields.refused()
    return kind === 'retry' && this.#pauseMs() <= MAX_DELAY_MS
  }

  #pauseMs(): number {
    return Math.max(0, this.#pausedUntil - this.#settings.clock.monotonic())
  }

  async #serverPause(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#pauseMs()
    if (pauseMs === 0) return
    const { clock, random } = this.#settings
    await pause(pauseMs * (1 + random() * SPREAD_AFTER_PAUSE), { clock, signal })
  }

  #notePause(answer: Answer): void {
    const { clock } = this.#settings
    const given = retryAfterMsOf(answer, clock.now())
    if (given === undefined || given === 0) return
    const until = clock.monotonic() + Math.min(given, MAX_RETRY_AFTER_MS)
    this.#pausedUntil = Math.max(this.#pausedUntil, until)
  }

  #doing({ doing }: Post): string {
    return `${doing} to ${this.shownUrl}`
  }

  #wireError(post: Post, thrown: unknown): ConnectorError {
    if (thrown instanceof ConnectorError) return thrown
    const text = connectionMessageOf(thrown) || (systemCodeOf(thrown) ?? String(thrown))
    const advice = connectionAdvice(thrown, this.#peer)
    const message = `${this.#doing(post)}: ${cut(text, MAX_TEXT_CHARACTERS)}${advice}`
    return new ConnectorError('DestinationUnavailable', message, { cause: thrown })
  }

  #errorOf(post: Post, kind: AnswerKind, answer: Answer, said: string): ConnectorError {
    const { setting } = this.#settings
    const [code, advice] = ADVICE[kind] ?? UNAVAILABLE
    const location = answer.header('location')
    const isRedirect = answer.status >= 300 && answer.status < 400
    const next =
      isRedirect && location !== undefined
        ? `. Redirects are not followed: set ${setting} to ${cut(printable(shownUrl(location)), MAX_TEXT_CHARACTERS)}, if that is the service`
        : advice.replace('{setting}', setting)
    return new ConnectorError(code, `${this.#doing(post)}: ${said}${next}`)
  }
}

const UNAVAILABLE: readonly [ErrorCode, string] = [
  'DestinationUnavailable',
  '. The messages are kept. Check that {setting} is the address of the service',
]
const ADVICE: Readonly<Partial<Record<AnswerKind, readonly [ErrorCode, string]>>> = {
  retry: ['DestinationUnavailable', ''],
  denied: ['DestinationDenied', '. The messages are kept. Check the credentials and permissions'],
  missing: [
    'DestinationMissing',
    '. The messages are kept. Create what the server does not find, or correct {setting}',
  ],
}

/** An attempt without a result. */
class Failed {
  readonly kind: AnswerKind
  readonly error: ConnectorError

  constructor(kind: AnswerKind, error: ConnectorError) {
    this.kind = kind
    this.error = error
  }
}

async function compressed(body: Buffer): Promise<Buffer> {
  return await gzip(body, { level: GZIP_LEVEL })
}

/** `status 400: …`, with the beginning of the body. Of a page for people only the text. */
function saidIn(answer: Answer): string {
  const text = answer.body.slice(0, EXCERPT_CHARACTERS * 4)
  const plain = isPage(answer) ? text.replace(/<[^>]*>/g, ' ') : text
  const excerpt = cut(printable(plain.replace(/\s+/g, ' ').trim()), EXCERPT_CHARACTERS)
  return `status ${answer.status}${excerpt === '' ? ' and no body' : `: ${excerpt}`}`
}
