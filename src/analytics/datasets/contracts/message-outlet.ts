/** Publishes messages of the connector's own. */
export interface MessageOutlet {
  /** To those who subscribe to the topic now. No call waits for an answer. */
  publish(topic: string, payloads: readonly Buffer[]): void
}
