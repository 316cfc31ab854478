/** The HTTP client of the running connector. */
import type { Command } from 'commander'
import { shownUrl } from '../addresses.ts'
import { ConnectorError, messageOf, systemCodeOf } from '../errors.ts'
import { httpUrlOf } from './connector-address.ts'
import type { CliContext } from './context.ts'
import { usageError } from './exit-code.ts'
import { loadConfigOf } from './global-flags.ts'

export type Query = Readonly<Record<string, string | undefined>>

/** The client for `--url`, or for the connector that runs with the configuration. */
export async function openConnectorClient(
  url: string | undefined,
  command: Command,
  context: CliContext,
): Promise<ConnectorClient> {
  const address = url ?? httpUrlOf((await loadConfigOf(command, context)).config)
  if (!URL.canParse(address)) {
    throw usageError(`--url ${shownUrl(address)}: expected a URL such as http://host:8090`)
  }
  return new ConnectorClient(address, context.outputClosed)
}

/**
 * Every call throws `BrokerUnavailable` if the connector can't be reached or answers with an error.
 */
export class ConnectorClient {
  readonly url: string
  readonly #signal: AbortSignal

  constructor(url: string, signal: AbortSignal) {
    this.url = url
    this.#signal = signal
  }

  /** Returns a 404 like any other answer. */
  async ask(path: string, query: Query): Promise<Response> {
    const response = await this.#fetch(pathTo(path, query), {})
    return response.status === 404 ? response : await this.#checked(response)
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

  async *lines(response: Response): AsyncGenerator<string> {
    let rest = ''
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) {
        rest += decoder.decode(chunk, { stream: true })
        const lines = rest.split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line !== '') yield line
      }
    } catch (thrown) {
      throw this.#unreachable(thrown)
    }
    if (rest !== '') yield rest
  }

  /** @param what goes after "answered" */
  unexpectedAnswer(what: string): ConnectorError {
    return new ConnectorError(
      'BrokerUnavailable',
      `The connector at ${shownUrl(this.url)} answered ${what}`,
    )
  }

  async #fetch(path: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(new URL(path, this.url), { ...request, signal: this.#signal })
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
