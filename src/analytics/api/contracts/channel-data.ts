/** What the API asks of the connector's channels. */

export interface ChannelFacts {
  readonly bytes: number
  /** Milliseconds since 1970; undefined if it holds no message, or can't be read now. */
  readonly firstArrival: number | undefined
  readonly lastArrival: number | undefined
}

/** Arrival times, in milliseconds since 1970. */
export interface SampledMessages {
  readonly from: number
  /** Not included. */
  readonly until: number
  readonly maxMessages: number
}

export interface ChannelData {
  /** All channels that have, or had, messages. */
  names(): readonly string[]
  /** Undefined if there is no such channel. */
  facts(channel: string): Promise<ChannelFacts | undefined>
  /**
   * The newest payloads of that time, in the order of arrival; none if there is no such channel.
   * @throws {ConnectorError} StorageFailed
   */
  sample(channel: string, asked: SampledMessages): Promise<readonly Buffer[]>
}
