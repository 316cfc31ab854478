/** The answers of the operator's API, checked against their shapes. */
import type * as z from 'zod'
import { type ChannelList, channelList } from '../../http/api/shapes/channels.ts'
import { type ClientList, clientList } from '../../http/api/shapes/clients.ts'
import { type DestinationList, destinationList } from '../../http/api/shapes/destinations.ts'
import { type Overview, overview } from '../../http/api/shapes/overview.ts'
import type { ConnectorClient, Query } from '../connector-client.ts'

/** Every call throws `BrokerUnavailable` if there is no answer, or another than expected. */
export class OperatorApi {
  readonly #connector: ConnectorClient

  constructor(connector: ConnectorClient) {
    this.#connector = connector
  }

  overview(): Promise<Overview> {
    return this.#get('overview', overview)
  }

  channels(query: { readonly limit?: string; readonly after?: string } = {}): Promise<ChannelList> {
    return this.#get('channels', channelList, query)
  }

  destinations(): Promise<DestinationList> {
    return this.#get('destinations', destinationList)
  }

  clients(): Promise<ClientList> {
    return this.#get('clients', clientList)
  }

  async #get<Shape extends z.ZodType>(
    name: string,
    shape: Shape,
    query: Query = {},
  ): Promise<z.infer<Shape>> {
    const response = await this.#connector.snapshot(`/api/v1/${name}`, query)
    const text = await response.text()
    const answer = understood(text, shape)
    if (answer === undefined) {
      throw this.#connector.unexpectedAnswer(
        `GET /api/v1/${name} with something else than expected. Is it of another version than this command?`,
      )
    }
    return answer
  }
}

/** Undefined if the text has another shape. A newer connector may say more than this program knows. */
export function understood<Shape extends z.ZodType>(
  text: string,
  shape: Shape,
): z.infer<Shape> | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { error } = shape.safeParse(value)
  const isKnown = error?.issues.every(({ code }) => code === 'unrecognized_keys') ?? true
  return isKnown ? (value as z.infer<Shape>) : undefined
}
