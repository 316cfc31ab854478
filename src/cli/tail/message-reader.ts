/**
 * Reads a channel's messages from the running hub, a page after the other:
 * `GET /channels/<name>/messages?from=&limit=&wait=` answers with a JSON line per message.
 */
import { ConnectorError, messageOf, systemCodeOf } from '../../errors.ts'
import { parseStoredMessage, type StoredMessage } from './stored-message.ts'

/** Where to go on after the page, so that an empty one from `now` leads on without a gap. */
const NEXT_OFFSET_HEADER = 'x-next-offset'

export interface PageRequest {
  readonly from: string
  readonly limit: number
  /** How long the hub may hold the answer back until there is a message. */
  readonly waitSeconds: number
}

export interface Page {
  /** Where to go on after a page without messages; otherwise after the last message. */
  readonly next: string
  readonly messages: AsyncIterable<StoredMessage>
}

export class MessageReader {
  readonly #url: string
  readonly #channel: string
  readonly #signal: AbortSignal

  constructor(options: {
    readonly url: string
    readonly channel: string
    readonly signal: AbortSignal
  }) {
    this.#url = options.url
    this.#channel = options.channel
    this.#signal = options.signal
  }

  /**
   * Asks for a page; undefined when the hub has no such channel (yet). Throws `BrokerUnavailable`
   * when the hub can't be reached and when its answer makes no sense; so do the page's messages.
   */
  async open(request: PageRequest): Promise<Page | undefined> {
    const response = await this.#request(request)
    if (response === undefined) return undefined
    const next = response.headers.get(NEXT_OFFSET_HEADER) ?? request.from
    return { next, messages: this.#messages(response) }
  }

  noSuchChannel(): ConnectorError {
    return new ConnectorError(
      'InvalidChannelName',
      `The hub at ${this.#url} has no channel ${this.#channel}. ${this.#url}/channels lists them.`,
    )
  }

  async *#messages(response: Response): AsyncGenerator<StoredMessage> {
    for await (const line of this.#lines(response)) {
      const message = parseStoredMessage(line)
      if (message === undefined) {
        throw this.#strange(`a line that is no message: ${line.slice(0, 80)}`)
      }
      yield message
    }
  }

  async #request({ from, limit, waitSeconds }: PageRequest): Promise<Response | undefined> {
    const query = new URLSearchParams({ from, limit: String(limit), wait: String(waitSeconds) })
    const path = `/channels/${encodeURIComponent(this.#channel)}/messages?${query}`
    let response: Response
    try {
      response = await fetch(new URL(path, this.#url), { signal: this.#signal })
    } catch (thrown) {
      throw this.#unreachable(thrown)
    }
    if (response.ok) return response
    const reason = reasonIn(await response.text())
    if (response.status === 404) return undefined
    throw this.#strange(`${response.status}: ${reason}`)
  }

  async *#lines(response: Response): AsyncGenerator<string> {
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

  #unreachable(thrown: unknown): ConnectorError {
    const cause = thrown instanceof Error ? thrown.cause : undefined
    const reason = systemCodeOf(cause) ?? systemCodeOf(thrown) ?? messageOf(cause ?? thrown)
    return new ConnectorError(
      'BrokerUnavailable',
      `Can’t read from the hub at ${this.#url}: ${reason}. Is it running there? --config or --url says where it is.`,
      { cause: thrown },
    )
  }

  #strange(what: string): ConnectorError {
    return new ConnectorError('BrokerUnavailable', `The hub at ${this.#url} answered ${what}`)
  }
}

/** The `message` of an error answer, or its whole text where it has none. */
function reasonIn(body: string): string {
  try {
    const { message } = JSON.parse(body)
    return typeof message === 'string' ? message : ''
  } catch {
    return body.slice(0, 200).trim()
  }
}
