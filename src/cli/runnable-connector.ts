/** What `run` needs of a connector. `connector.ts` fits it; tests bring one of their own. */
import type { ConnectorConfig } from '../config/connector-config.ts'

export interface StopReport {
  /** Messages delivered while stopping. */
  readonly delivered: number
  /** Messages kept on disk for the next start. */
  readonly kept: number
  /** Messages that were in memory alone and are gone. */
  readonly lost: number
}

export interface ConnectorDescription {
  /** A line each, with the address as a URL: `mqtt://127.0.0.1:1883`. */
  readonly sources: readonly string[]
  /** A line each; none when messages stay in the local store. */
  readonly destinations: readonly string[]
  /** `http://127.0.0.1:8090`; undefined without HTTP. */
  readonly http?: string | undefined
  /** Undefined when nothing is kept on disk. */
  readonly dataDirectory?: string | undefined
  /** Channels found in the data directory. */
  readonly channels: number
}

export interface RunnableConnector {
  start(): Promise<void>
  stop(options: { readonly deadlineMs: number }): Promise<StopReport>
  /** Reads certificates, users and access rules again. */
  reload(): Promise<void>
  /** Valid once `start` has resolved. */
  describe(): ConnectorDescription
}

export type CreateConnector = (config: ConnectorConfig) => RunnableConnector
