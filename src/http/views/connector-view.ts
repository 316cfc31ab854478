/**
 * All that the HTTP server knows of the connector. Only `replayDeadLetters`, `replayHistory` and
 * `retryNow` change anything.
 */
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import type { Message } from '../../message.ts'
import type { DeadLettersView } from './dead-letters-view.ts'
import type { DestinationHealth, DestinationsView } from './destinations-view.ts'
import type { HistoryReplayView } from './history-replay-view.ts'
import type { OperatorView } from './operator-view.ts'
import type { ReadFrom } from './read-from.ts'
import type { WhyView } from './why-view.ts'

/** A source that connects to somebody else's broker. */
export interface SourceHealth {
  readonly name: string
  /** `connected`: messages can come in. */
  readonly state: 'connected' | 'disconnected'
  /** When the state changed last, in ISO 8601. */
  readonly since: string
}

/**
 * `ok`: nothing is wrong. `warning`: something fails, and nothing is lost yet. `critical`: messages
 * are refused, lost or rejected.
 */
export type HealthLevel = 'ok' | 'warning' | 'critical'

export interface Health {
  readonly level: HealthLevel
  /** The level in a few words for people: `running`, or what is wrong first. */
  readonly verdict: string
  /** The process works and should not be restarted. */
  readonly live: boolean
  /** Messages can come in and be stored. */
  readonly ready: boolean
  /** `ok`, or what is wrong with it by name: `full`, `read-only`, `io-error`, … */
  readonly storage: StoreLedger['state']
  /** Sources that connect to a broker. One that is disconnected leaves the connector ready. */
  readonly sources: readonly SourceHealth[]
  /** One that fails leaves the connector ready. */
  readonly destinations: readonly DestinationHealth[]
  /** Each a sentence for the operator. A destination that is down leaves the connector ready. */
  readonly problems: readonly string[]
  /** How long the destinations can be down before messages are lost; undefined if none come in. */
  readonly outage: string | undefined
}

export interface MessagePage {
  /** Committed messages, in order. */
  readonly messages: readonly Message[]
  /** Where the next page begins; it grows with every message. */
  readonly next: number
}

export interface ConnectorView
  extends DeadLettersView,
    DestinationsView,
    HistoryReplayView,
    OperatorView,
    WhyView {
  health(): Health
  ledger(): readonly ChannelLedger[]
  store(): StoreLedger
  outage(): readonly OutageLeft[]
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>

  /**
   * At most `limit` messages from `from` on, and fewer if they are large. Undefined if there is no
   * such channel.
   */
  readMessages(channel: string, from: ReadFrom, limit: number): Promise<MessagePage | undefined>

  /** Resolves when a message at or after `offset` is committed, or when `signal` is aborted. */
  waitForMessages(channel: string, offset: number, signal: AbortSignal): Promise<void>
}
