/** The HTTP client of the running connector. */
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { shownUrl } from '../addresses.ts'
import { ConnectorError, messageOf, systemCodeOf } from '../errors.ts'
import { readToken } from '../http/requests/token.ts'
import { httpUrlOf } from './connector-address.ts'
import type { CliContext } from './context.ts'
import { usageError } from './exit-code.ts'
import { loadConfigOf } from './global-flags.ts'

/** The token for `--url`. Without `--url` it overrides the configuration, as all its settings do. */
const TOKEN_VARIABLE = 'IOT_ANALYTICS_CONNECTOR__HTTP__TOKEN'
const MAX_ATTEMPTS = 5

export type Query = Readonly<Record<string, string | undefined>>

/** The client for `--url`, or for the connector that runs with the configuration. */
export async function openConnectorClient(
  url: string | undefined,
  command: Command,
  context: CliContext,
): Promise<ConnectorClient> {
  if (url !== undefined && !(/^https?:\/\//.test(url) && URL.canParse(url))) {
    throw usageError(`--url ${shownUrl(url)}: expected a URL such as http://host:8090`)
  }
  const { outputClosed } = context
  // Another connector must not get the token of this one's configuration file.
  if (url !== undefined) {
    return new ConnectorClient(url, outputClosed, context.process.env[TOKEN_VARIABLE])
  }
  const { config } = await loadConfigOf(command, context)
  const token = config.http === undefined ? undefined : await readToken(config.http)
  return new ConnectorClient(httpUrlOf(config), outputClosed, token)
}

/**
 * Every call throws `BrokerUnavailable` if the connector can't be reached or answers with an error.
 */
export class ConnectorClient {
  readonly url: string
  /** Aborted when the command should end. */
  readonly signal: AbortSignal
  readonly #token: string | undefined

  constructor(url: string, signal: AbortSignal, token?: string) {
    this.url = url
    this.signal = signal
    this.#token = token
  }

  /** Returns a 404 like any other answer. */
  async ask(path: string, query: Query): Promise<Response> {
    const response = await this.#fetch(pathTo(path, query), {})
    return response.status === 404 ? response : await this.#checked(response)
  }

  /** The answer of `/health`, whose status is 503 if the connector is not ready. */
  async healthText(): Promise<string> {
    const response = await this.#fetch('/health', {})
    const isAnswer = response.ok || response.status === 503
    return await (isAnswer ? response : await this.#checked(response)).text()
  }

  /** Undefined for a 404. */
  async get(path: string, query: Query): Promise<Response | undefined> {
    const response = await this.ask(path, query)
    if (response.ok) return response
    await response.body?.cancel()
    return undefined
  }

  /** Throws for a 404 too, with the message of the answer. */
  async getOrFail(path: string, query: Query): Promise<Response> {
    return await this.#checked(await this.#fetch(pathTo(path, query), {}))
  }

  async post(path: string, body: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json' }
    const request = { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await this.#checked(await this.#fetch(path, request))
    return await response.json()
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
  unexpectedAnswer(what: string): ConnectorError {
    return new ConnectorError(
      'BrokerUnavailable',
      `The connector at ${shownUrl(this.url)} answered ${what}`,
    )
  }

  /** Tries again if the connector is busy and says when. */
  async #fetch(path: string, request: RequestInit): Promise<Response> {
    const headers = new Headers(request.headers)
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`)
    try {
      for (let attempt = 1; ; attempt++) {
        const { signal } = this
        const response = await fetch(new URL(path, this.url), { ...request, headers, signal })
        const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
        if (response.status !== 503 || attempt === MAX_ATTEMPTS || !(seconds <= 10)) return response
        await response.body?.cancel()
        await setTimeout(seconds * 1000, undefined, { signal })
      }
    } catch (thrown) {
      throw this.#unreachable(thrown)
    }
  }

  async #checked(response: Response): Promise<Response> {
    if (response.ok) return response
    throw this.unexpectedAnswer(`${response.status}: ${reasonIn(await response.text())}`)
  }

  #unreachable(thrown: unknown): ConnectorError {
    const cause = thrown instanceof Error ? thrown.cause : undefined
    const reason = systemCodeOf(cause) ?? systemCodeOf(thrown) ?? messageOf(cause ?? thrown)
    return new ConnectorError(
      'BrokerUnavailable',
      `Can’t read from the connector at ${shownUrl(this.url)}: ${reason}. Is it running there? Set its address with --config or --url.`,
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

/** The `message` of an error answer, or the beginning of its text if it has none. */
function reasonIn(body: string): string {
  try {
    const { message } = JSON.parse(body)
    return typeof message === 'string' ? message : ''
  } catch {
    return body.slice(0, 200).trim()
  }
}
