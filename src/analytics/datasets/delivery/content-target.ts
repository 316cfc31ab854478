/** Where content is delivered to. */
export interface DeliveredContent {
  readonly dataset: string
  readonly version: string
  readonly bytes: number
  /** May be called several times. */
  read(): AsyncIterable<Buffer>
}

export interface ContentTarget {
  /** @throws {ConnectorError} whose effect says whether it is worth trying again */
  deliver(content: DeliveredContent, signal: AbortSignal): Promise<void>
}
