/**
 * Reads a channel's messages from the running connector, page by page:
 * `GET /api/v1/channels/<name>/messages?from=&limit=&wait=` answers with one JSON line per message.
 */
import { ConnectorError } from '../../../errors.ts'
import type { ConnectorClient } from '../../connector-client.ts'
import { parseStoredMessage, type StoredMessage } from './stored-message.ts'

/**
 * Where the next page begins; without it, messages after an empty page from `now` could be missed.
 */
const NEXT_OFFSET_HEADER = 'x-next-offset'

export interface PageRequest {
  readonly from: string
  readonly limit: number
  /** How long the connector may wait for a message before it answers. */
  readonly waitSeconds: number
}

export interface Page {
  /**
   * Where the next page begins, if this one has no messages; otherwise it is after the last one.
   */
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
   * Gets a page; undefined if the connector has no such channel. This call and the page's messages
   * throw `BrokerUnavailable` if the connector can't be reached or its answer is not understood.
   */
  async open({ from, limit, waitSeconds }: PageRequest): Promise<Page | undefined> {
    const path = `/api/v1/channels/${encodeURIComponent(this.#channel)}/messages`
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
      `The connector at ${url} has no channel ${this.#channel}. ${url}/api/v1/channels lists them.`,
    )
  }

  async *#messages(response: Response): AsyncGenerator<StoredMessage> {
    for await (const line of this.#connector.lines(response)) {
      const message = parseStoredMessage(line)
      if (message === undefined) {
        throw this.#connector.unexpectedAnswer(
          `with a line that is not a message: ${line.slice(0, 80)}`,
        )
      }
      yield message
    }
  }
}
