/** What the benchmark needs of a kind of destination: a peer, and the settings to reach it. */
import type { Cleanup } from '../../test/support/servers/server-process.ts'
import type { ClientJob, ClientName } from './clients/client.ts'

/** The connector has the other core. */
export const CONNECTOR_CORE = 0
export const PEER_CORE = 1

/** Tables, topics and the like are those of one run, so that each begins empty. */
export interface BenchPeer {
  /** The entries of `destinations`, and parameters. */
  connector(run: string): Promise<ConnectorSettings>
  /** What another client needs to send the same messages to the same peer. */
  client?(run: string): Promise<Pick<ClientJob, 'url' | 'target'>>
  /** Another process that is measured with the connector. */
  readonly otherPid?: number
}

export interface ConnectorSettings {
  readonly destinations: readonly object[]
  readonly parameters?: Readonly<Record<string, string>>
}

export interface BenchKind {
  readonly name: string
  /** The peer, for the report. */
  readonly peer: string
  /** CPU µs per message that the connector is to stay below. */
  readonly target: number
  /** Why it can't be run here. */
  readonly skip: string | false
  /**
   * 1 where batches are so large that several at once would blur the marks; more where each batch of a
   * channel waits for a commit. Default: 4.
   */
  readonly channels?: number
  /** Another client that does the same job, and the messages of its batches. */
  readonly client?: { readonly name: ClientName; readonly batch: number }
  start(t: Cleanup): Promise<BenchPeer>
}
