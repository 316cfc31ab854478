/** The client of the running connector: over its socket, or over HTTP. */
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { shownUrl } from '../addresses.ts'
import { ConnectorError, type ErrorCode, isOwnCode } from '../errors.ts'
import { readToken, readTokenFile } from '../http/access/token.ts'
import type { HttpOptions } from '../http/options.ts'
import { readNamedFile } from '../named-files/named-file.ts'
import { type TlsContents, TlsFiles } from '../named-files/tls-files.ts'
import {
  failureText,
  givenUrl,
  httpUrlOf,
  SOCKET_SCHEME,
  START,
  socketPathOf,
  socketProblem,
} from './connector-address.ts'
import type { ConnectorFlags } from './connector-flags.ts'
import type { CliContext } from './context.ts'
import { usageError } from './exit-code.ts'
import { loadConfigOf } from './global-flags.ts'
import {
  certificateIn,
  type HttpAnswer,
  type HttpRequest,
  sendRequest,
  type Trust,
} from './http-request.ts'

/** The token for any address but the socket, which needs none. */
const TOKEN_VARIABLE = 'IOT_ANALYTICS_CONNECTOR_TOKEN'
/** The base of requests through a socket. */
const SOCKET_URL = 'http://localhost'
const MAX_ATTEMPTS = 5
/** A connector that works answers what it is asked for within a second or two. */
const SNAPSHOT_MS = 10_000
/** Longer than a request may wait for messages. */
const PAGE_MS = 60_000
/** Queries, replays and imports take the time that they take; the connector limits them. */
const UNLIMITED = 0

export type Query = Readonly<Record<string, string | undefined>>

/**
 * The client for `--url`, or for the connector that runs with the configuration: through its socket
 * if it can be used, and over HTTP otherwise.
 */
export async function openConnectorClient(
  flags: ConnectorFlags,
  command: Command,
  context: CliContext,
): Promise<ConnectorClient> {
  const signal = context.outputClosed
  const tls = await givenTls(flags)
  const url = givenUrl(flags, context)
  const token = await givenToken(flags, context)
  // Another connector must not get the token of this one's configuration file.
  if (url !== undefined) {
    refuseUnusedFlags(url, flags)
    const socketPath = url.startsWith(SOCKET_SCHEME) ? url.slice(SOCKET_SCHEME.length) : undefined
    return new ConnectorClient(socketPath === undefined ? url : SOCKET_URL, {
      signal,
      token,
      trust: { tls },
      socketPath,
    })
  }
  const { config } = await loadConfigOf(command, context)
  const ownUrl = httpUrlOf(config)
  const socketPath = asksOverHttp(flags) ? undefined : socketPathOf(config)
  const problem = socketPath === undefined ? undefined : await socketProblem(socketPath)
  if (socketPath !== undefined && problem === undefined) {
    return new ConnectorClient(SOCKET_URL, { signal, token, trust: { tls }, socketPath })
  }
  if (ownUrl === undefined) throw noAddress(problem)
  refuseUnusedFlags(ownUrl, flags)
  const { http } = config
  const pinned = flags.ca === undefined ? await ownCertificate(http) : undefined
  return new ConnectorClient(ownUrl, {
    signal,
    token: token ?? (http === undefined ? undefined : await readToken(http)),
    trust: { tls, pinned },
    tried: problem,
  })
}

/** The socket has no use for these. */
function asksOverHttp({ tokenFile, ca, cert }: ConnectorFlags): boolean {
  return [tokenFile, ca, cert].some((flag) => flag !== undefined)
}

async function givenToken({ tokenFile }: ConnectorFlags, { process: { env } }: CliContext) {
  if (tokenFile !== undefined) return await readTokenFile(tokenFile, '--token-file')
  return env[TOKEN_VARIABLE] || undefined
}

function noAddress(tried: string | undefined): Error {
  if (tried === undefined) {
    return usageError(
      'the configuration has `http: false`, and durability `memory` has no socket; set the connector’s address with --url',
    )
  }
  return new ConnectorError(
    'BrokerUnavailable',
    `Can’t ask the connector through its socket: ${tried}. The configuration has \`http: false\`, so there is no other way. ${START}.`,
  )
}

async function givenTls({ ca, cert, key }: ConnectorFlags): Promise<TlsContents> {
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError('--cert and --key go together: set both or neither')
  }
  const names = { ca, cert, key }
  if (Object.values(names).every((name) => name === undefined)) return {}
  const nameOf = (setting: string) => `--${setting}`
  return await new TlsFiles(names, { place: '--ca, --cert and --key', nameOf }).contents()
}

function refuseUnusedFlags(url: string, { ca, cert }: ConnectorFlags): void {
  if (url.startsWith('https:') || (ca === undefined && cert === undefined)) return
  throw usageError(
    `--ca, --cert and --key are for HTTPS, but the address is ${shownUrl(url)}: set --url to https://…`,
  )
}

/** The certificate of the connector that runs with these options: it can be no other. */
async function ownCertificate(http: HttpOptions | undefined) {
  if (http?.tls === undefined) return undefined
  return certificateIn(await readNamedFile(http.tls.cert, 'http.tls.cert'))
}

export interface PartsRequest {
  /** Aborted when the rest is not wanted any more. */
  readonly signal: AbortSignal
  readonly onPart: (part: Buffer) => Promise<void>
  /** The name of the trailer to return. */
  readonly trailer: string
}

export interface ConnectorAccess {
  /** Aborted when the command should end. */
  readonly signal: AbortSignal
  readonly token: string | undefined
  readonly trust: Trust
  /** The Unix socket that requests go through. */
  readonly socketPath?: string | undefined
  /** Why its socket is not used, as a clause. */
  readonly tried?: string | undefined
}

/**
 * Every call throws `BrokerUnavailable` if the connector can't be reached or answers with an error,
 * and `NotAuthorized` if it does not answer this client.
 */
export class ConnectorClient {
  readonly url: string
  /** Where it is, for people. */
  readonly place: string
  /** Aborted when the command should end. */
  readonly signal: AbortSignal
  readonly #access: ConnectorAccess

  constructor(url: string, access: ConnectorAccess) {
    this.url = url
    this.place = access.socketPath ?? shownUrl(url)
    this.signal = access.signal
    this.#access = access
  }

  /** Returns a 404 like any other answer. */
  async ask(path: string, query: Query): Promise<Response> {
    const response = await this.#send(pathTo(path, query))
    return response.status === 404 ? response : await this.#checked(response)
  }

  /** Undefined for a 404. */
  async get(path: string, query: Query): Promise<Response | undefined> {
    const response = await this.#send(pathTo(path, query), { silenceMs: PAGE_MS })
    if (response.status !== 404) return await this.#checked(response)
    await response.body?.cancel()
    return undefined
  }

  /** Throws for a 404 too, with the message of the answer. */
  async getOrFail(path: string, query: Query): Promise<Response> {
    const response = await this.#send(pathTo(path, query), { silenceMs: PAGE_MS })
    return await this.#checked(response)
  }

  /** The same for an answer that takes no time: if none comes soon, the connector hangs. */
  async snapshot(path: string, query: Query): Promise<Response> {
    const response = await this.#send(pathTo(path, query), { silenceMs: SNAPSHOT_MS })
    return await this.#checked(response)
  }

  async post(path: string, body: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json' }
    const request = { method: 'POST', headers, body: JSON.stringify(body) } as const
    const response = await this.#checked(await this.#send(path, request))
    return await response.json()
  }

  /**
   * Hands over the answer part by part, no faster than they are taken.
   * @returns the trailer of this name
   */
  async postForParts(
    path: string,
    body: object,
    { signal, onPart, trailer }: PartsRequest,
  ): Promise<string | undefined> {
    const headers = { 'content-type': 'application/json' }
    const request = { method: 'POST', headers, body: JSON.stringify(body), signal } as const
    const response = await this.#send(path, request)
    await this.#checkedCall(response)
    try {
      for await (const part of response.body ?? []) await onPart(Buffer.from(part))
    } catch (thrown) {
      if (thrown instanceof ConnectorError) throw thrown
      throw this.#unreachable(thrown)
    }
    return response.trailer(trailer)
  }

  /** Returns every answer, whatever its status. */
  exchange(path: string, request: Omit<HttpRequest, 'signal' | 'silenceMs'>): Promise<HttpAnswer> {
    return this.#send(path, request)
  }

  /** Reads the page before the first line is used: the connector disconnects slow readers. */
  async *lines(response: Response): AsyncGenerator<string> {
    let text: string
    try {
      text = await response.text()
    } catch (thrown) {
      throw this.#unreachable(thrown)
    }
    for (const line of text.split('\n')) if (line !== '') yield line
  }

  /** @param what goes after "answered" */
  unexpectedAnswer(what: string, code: ErrorCode = 'BrokerUnavailable'): ConnectorError {
    return new ConnectorError(code, `The connector at ${this.place} answered ${what}`)
  }

  /** Tries again if the connector is busy and says when. */
  async #send(path: string, request: Partial<HttpRequest> = {}): Promise<HttpAnswer> {
    const response = await this.#answer(path, request)
    // All that the commands ask for is JSON or plain text. A redirect says where to go.
    const isPage = response.headers.get('content-type')?.startsWith('text/html') === true
    if (!isPage || response.headers.has('location')) return response
    await response.body?.cancel()
    throw new ConnectorError(
      'BrokerUnavailable',
      `${this.place} answered ${response.status} with a web page, as no connector does. Does a proxy or another program listen there? Set the connector’s address with --config or --url.`,
    )
  }

  async #answer(path: string, request: Partial<HttpRequest>): Promise<HttpAnswer> {
    const { token, trust, socketPath } = this.#access
    const { signal = this.signal, silenceMs = UNLIMITED } = request
    const authorization =
      token === undefined || socketPath !== undefined ? {} : { authorization: `Bearer ${token}` }
    // A signature stands in place of the token.
    const headers = { ...authorization, ...request.headers }
    try {
      for (let attempt = 1; ; attempt++) {
        const sent = { ...request, headers, signal, silenceMs, socketPath }
        const response = await sendRequest(this.#urlTo(path), sent, trust)
        const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
        if (response.status !== 503 || attempt === MAX_ATTEMPTS || !(seconds <= 10)) return response
        await response.body?.cancel()
        await setTimeout(seconds * 1000, undefined, { signal })
      }
    } catch (thrown) {
      throw this.#unreachable(thrown)
    }
  }

  /** A proxy may have the connector below a path of its own. */
  #urlTo(path: string): URL {
    const { origin, pathname } = new URL(this.url)
    return new URL(`${origin}${pathname.replace(/\/+$/, '')}${path}`)
  }

  async #checked(response: Response): Promise<Response> {
    if (response.ok) return response
    const place = response.headers.get('location')
    if (place !== null) {
      throw this.unexpectedAnswer(
        `${response.status}: it is at ${shownUrl(place)}. Set --url to that`,
      )
    }
    const reason = reasonIn(await response.text())
    // Asking again gives the same answer.
    const isRefused = response.status === 401 || response.status === 403
    throw this.unexpectedAnswer(
      `${response.status}: ${reason}${this.#accessAdvice(response)}`,
      isRefused ? 'NotAuthorized' : 'BrokerUnavailable',
    )
  }

  /** An error of the call itself is thrown as the connector has written it. */
  async #checkedCall(response: HttpAnswer): Promise<void> {
    if (response.status !== 400 && response.status !== 422) {
      await this.#checked(response)
      return
    }
    const body = await response.text()
    const code = errorCodeIn(body)
    if (code !== undefined) throw new ConnectorError(code, reasonIn(body))
    throw this.unexpectedAnswer(`${response.status}: ${reasonIn(body)}`)
  }

  #accessAdvice({ status }: Response): string {
    const { token, tried } = this.#access
    if (status !== 401 && status !== 403) return ''
    const before = tried === undefined ? '' : ` The socket would need no token, but ${tried}.`
    if (token !== undefined) return before
    return `${before} The commands take a token from --token-file, from ${TOKEN_VARIABLE}, or from the configuration (--config).`
  }

  #unreachable(thrown: unknown): ConnectorError {
    const text = failureText(thrown, this.url.startsWith('https:'))
    const { tried } = this.#access
    const before = tried === undefined ? '' : ` Its socket was tried before: ${tried}.`
    return new ConnectorError(
      'BrokerUnavailable',
      `Can’t read from the connector at ${this.place}: ${text}.${before}`,
      { cause: thrown },
    )
  }
}

function pathTo(path: string, query: Query): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, value)
  }
  return `${path}?${search}`
}

/** The `error` of an error answer, if the catalogue has it. */
function errorCodeIn(body: string): ErrorCode | undefined {
  try {
    const { error } = JSON.parse(body)
    return typeof error === 'string' && isOwnCode(error) ? error : undefined
  } catch {
    return undefined
  }
}

/** The `message` of an error answer, or the beginning of its text if it has none. */
function reasonIn(body: string): string {
  try {
    const { message } = JSON.parse(body)
    return typeof message === 'string' ? message : ''
  } catch {
    return body.slice(0, 200).trim()
  }
}
