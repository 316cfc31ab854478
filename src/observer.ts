/**
 * What can happen, as method names. The pipeline reports here and knows neither logs nor metrics;
 * `telemetry/` turns each report into a log line *and* a metric under one name.
 *
 * Nothing here is called once per message, except for messages that are refused or dropped;
 * per-message figures are read from the ledger when somebody asks.
 */
import type { ConnectorError } from './errors.ts'

/** The remains of a write that never finished. */
export interface CutTail {
  readonly bytes: number
  /** How many messages it was to hold at least, where that can still be read. */
  readonly messages: number | undefined
  /** When the last message before it came, milliseconds since 1970; undefined when there is none. */
  readonly lastMessageAt: number | undefined
}

export interface PipelineObserver {
  /** A message was refused or dropped. `channel` is undefined when it named none that can exist. */
  messageDropped(channel: string | undefined, code: string, detail: string): void
  /**
   * A message can't be stored now and was not acknowledged: its sender keeps it. Told once for each
   * message, however often it is offered again.
   */
  messageWithheld(source: string, code: string, detail: string): void

  /** One commit of all channels that had something to store. */
  committed(messages: number, bytes: number, durationMs: number): void
  storageFailed(channel: string, error: ConnectorError): void
  storageRecovered(): void
  /** Damage was found and set aside; the service goes on. */
  damageFound(channel: string, what: string): void
  /**
   * At the end of a log the remains of a write were cut off. As far as anything is left that could
   * tell, it never finished, and nobody was told that what was in it is stored.
   */
  tailCut(channel: string, tail: CutTail): void

  batchSent(channel: string, destination: string, messages: number, durationMs: number): void
  /** A whole batch will be sent again after `delayMs`. */
  batchRetried(channel: string, destination: string, error: ConnectorError, delayMs: number): void
  /** Some messages of a batch were refused for good. */
  messagesRejected(channel: string, destination: string, count: number, error: string): void
  destinationRecovered(channel: string, destination: string): void

  clientConnected(source: string, clientId: string): void
  clientDisconnected(source: string, clientId: string, reason: string): void
  /** A client was disconnected without acknowledgements, because its messages can't be stored now. */
  clientSentAway(source: string, clientId: string, code: string, detail: string): void
  /** A client was refused or cut off for what it sent or did. */
  clientRefused(source: string, remote: string, reason: string): void
  sourceRetried(source: string, error: ConnectorError, delayMs: number): void
  sourceRecovered(source: string): void
  /** Certificates, users or rules were read anew; with an error, the old ones stay in force. */
  filesReloaded(source: string, error: ConnectorError | undefined): void

  receiptsDropped(source: string, count: number): void
}

/** Watches nothing. For libraries that pass no observer, and for tests. */
export const silentObserver: PipelineObserver = {
  messageDropped() {},
  messageWithheld() {},
  committed() {},
  storageFailed() {},
  storageRecovered() {},
  damageFound() {},
  tailCut() {},
  batchSent() {},
  batchRetried() {},
  messagesRejected() {},
  destinationRecovered() {},
  clientConnected() {},
  clientDisconnected() {},
  clientSentAway() {},
  clientRefused() {},
  sourceRetried() {},
  sourceRecovered() {},
  filesReloaded() {},
  receiptsDropped() {},
}
