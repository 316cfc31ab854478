/**
 * Reads a channel's messages from the running connector, a page after the other:
 * `GET /channels/<name>/messages?from=&limit=&wait=` answers with a JSON line per message.
 */
import { ConnectorError } from '../../../errors.ts'
import type { ConnectorClient } from '../../connector-client.ts'
import { parseStoredMessage, type StoredMessage } from './stored-message.ts'

/** Where to go on after the page, so that an empty one from `now` leads on without a gap. */
const NEXT_OFFSET_HEADER = 'x-next-offset'

export interface PageRequest {
  readonly from: string
  readonly limit: number
  /** How long the connector may hold the answer back until there is a message. */
  readonly waitSeconds: number
}

export interface Page {
  /** Where to go on after a page without messages; otherwise after the last message. */
  readonly next: string
  readonly messages: AsyncIterable<StoredMessage>
}

export class MessageReader {
  readonly #connector: ConnectorClient
  readonly #channel: string

  constructor(connector: ConnectorClient, channel: string) {
    this.#connector = connector
    this.#channel = channel
  }

  /**
   * Asks for a page; undefined when the connector has no such channel (yet). Throws `BrokerUnavailable`
   * when the connector can't be reached and when its answer makes no sense; so do the page's messages.
   */
  async open({ from, limit, waitSeconds }: PageRequest): Promise<Page | undefined> {
    const path = `/channels/${encodeURIComponent(this.#channel)}/messages`
    const query = { from, limit: String(limit), wait: String(waitSeconds) }
    const response = await this.#connector.get(path, query)
    if (response === undefined) return undefined
    const next = response.headers.get(NEXT_OFFSET_HEADER) ?? from
    return { next, messages: this.#messages(response) }
  }

  noSuchChannel(): ConnectorError {
    const { url } = this.#connector
    return new ConnectorError(
      'InvalidChannelName',
      `The connector at ${url} has no channel ${this.#channel}. ${url}/channels lists them.`,
    )
  }

  async *#messages(response: Response): AsyncGenerator<StoredMessage> {
    for await (const line of this.#connector.lines(response)) {
      const message = parseStoredMessage(line)
      if (message === undefined) {
        throw this.#connector.strange(`a line that is no message: ${line.slice(0, 80)}`)
      }
      yield message
    }
  }
}
