/**
 * All that the HTTP server knows of the connector. It reads; but for `replayDeadLetters` nothing
 * here changes anything.
 */
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import type { Message } from '../../message.ts'
import type { DeadLettersView } from './dead-letters-view.ts'
import type { StoriesView } from './why-view.ts'

export interface Health {
  /** The process works and should not be restarted. */
  readonly live: boolean
  /** Messages can come in and be stored. */
  readonly ready: boolean
  /** `ok`, or what is wrong with it by name: `full`, `read-only`, `io-error`, … */
  readonly storage: StoreLedger['state']
  /** What is wrong, each a sentence for the operator; a destination that is down does not unready us. */
  readonly problems: readonly string[]
  /** How long an outage of the destinations would be borne, as a sentence; undefined when nothing comes in. */
  readonly outage: string | undefined
}

/** Where to begin to read: the oldest message held, the next one to come, an offset, or a time (ms since 1970). */
export type ReadFrom =
  | 'earliest'
  | 'now'
  | { readonly offset: number }
  | { readonly timeMs: number }

export interface MessagePage {
  /** Committed messages, in order. */
  readonly messages: readonly Message[]
  /** The offset to go on from; it grows with every message. */
  readonly next: number
}

export interface ConnectorView extends DeadLettersView, StoriesView {
  health(): Health
  ledger(): readonly ChannelLedger[]
  store(): StoreLedger
  outage(): readonly OutageLeft[]
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>

  /**
   * At most `limit` messages from `from` on; fewer also where more would be many bytes. Undefined
   * when there is no such channel.
   */
  readMessages(channel: string, from: ReadFrom, limit: number): Promise<MessagePage | undefined>

  /** Resolves when a message at or after `offset` is committed, or when `signal` is aborted. */
  waitForMessages(channel: string, offset: number, signal: AbortSignal): Promise<void>
}
