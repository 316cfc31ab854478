/** What datasets ask of the rest of the connector. */
import type { Question, Reader } from '../query/query-runner.ts'

/** Runs SQL, as `QueryRunner` does. */
export interface ContentQueries {
  /** @throws {ConnectorError} InvalidQuery, QueryLimit, AnalyticsUnavailable */
  run(question: Question, reader: Reader): Promise<{ readonly rows: number }>
}

/** Where pipelines put what they have made of messages. */
export interface Datastores {
  /**
   * Runs the pipelines that feed these datastores on everything acknowledged before the call.
   * @throws {ConnectorError}
   */
  catchUp(datastores: readonly string[], signal: AbortSignal): Promise<void>
}

/** Publishes messages of the connector's own to those who subscribe to a topic now. */
export interface MessageOutlet {
  publish(topic: string, payloads: readonly Buffer[]): void
}
