/** What the rounds need of a kind of destination: a peer, its configuration, and what it has. */
import type { ConfigInput } from '../../../src/index.ts'
import type { Cleanup } from '../../support/servers/server-process.ts'

/** A message as the peer has it. */
export interface PeerRow {
  readonly logId: string
  readonly offset: number
  readonly payload: Buffer
}

/** A message that the peer has stored, perhaps not for the first time. */
export interface Arrival {
  readonly logId: string
  readonly offset: number
  /** When it came, in ms since 1970. */
  readonly at: number
  /** If it is known. The next request on a connection shows that the answer was read. */
  readonly connection?: number
}

export interface RoundPeer {
  /** Where the peer listens. */
  readonly port: number
  /** The entry of `destinations`; the connector reaches the peer through this port. */
  entry(port: number): NonNullable<ConfigInput['destinations']>[number]
  /** Everything that it has, duplicates included. */
  rows(channels: readonly string[]): Promise<readonly PeerRow[]>
  /** Kills the peer, and resolves when it is there again. Rounds do so now and then. */
  crash?(): Promise<void>
  /** For kinds that store messages twice. Then timeouts are so long that only faults end requests. */
  arrivals?(channels: readonly string[]): Promise<readonly Arrival[]>
  /** What else must not be, in words. Asked after the last round. */
  violations?(): readonly string[]
}

export interface RoundKind {
  readonly name: string
  /** Why it can't be run here. */
  readonly skip: string | false
  /** No message is there twice, whatever happens. */
  readonly isExactlyOnce: boolean
  start(t: Cleanup, site: PeerSite): Promise<RoundPeer>
}

export interface PeerSite {
  /** For peers that tell their clients where to connect. */
  readonly proxyPort: number
  /** The script of the program, unless it is the compiled one. */
  readonly main: string | undefined
}
