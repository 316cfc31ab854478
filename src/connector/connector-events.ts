/** What a program that embeds the connector can listen to. */
import type { EventEmitter } from 'node:events'
import type { ConnectorError } from '../errors.ts'
import type { PipelineObserver } from '../observer.ts'

/** A status message of the specification ("Output Data"), parsed. */
export interface Receipt {
  readonly response:
    | { readonly status: 'success' }
    | { readonly status: 'fail'; readonly error: string; readonly error_message: string }
  /** The sender's id; a generated one where a formatted message had none; absent for binary ones. */
  readonly id?: string
}

export interface ConnectorEvents {
  /** What became of a message, whoever sent it. Given only while somebody listens. */
  receipt: [receipt: Receipt]
  /** A message was refused or dropped. `channel` is undefined when it named none that can exist. */
  dropped: [drop: { channel: string | undefined; code: string; detail: string }]
  /** One call of a destination has been answered. */
  batchSent: [batch: { channel: string; destination: string; messages: number }]
  /** A batch will be sent again. */
  batchRetried: [
    retry: { channel: string; destination: string; error: ConnectorError; delayMs: number },
  ]
  /** Messages can't be stored, until `storageRecovered`. */
  storageFailed: [failure: { channel: string; error: ConnectorError }]
  storageRecovered: []
}

/** Passes reports on to `next` and to whoever listens on `events`. */
export function emittingObserver(
  events: EventEmitter<ConnectorEvents>,
  next: PipelineObserver,
): PipelineObserver {
  return {
    messageDropped(channel, code, detail) {
      next.messageDropped(channel, code, detail)
      events.emit('dropped', { channel, code, detail })
    },
    batchSent(channel, destination, messages, durationMs) {
      next.batchSent(channel, destination, messages, durationMs)
      events.emit('batchSent', { channel, destination, messages })
    },
    batchRetried(channel, destination, error, delayMs) {
      next.batchRetried(channel, destination, error, delayMs)
      events.emit('batchRetried', { channel, destination, error, delayMs })
    },
    storageFailed(channel, error) {
      next.storageFailed(channel, error)
      events.emit('storageFailed', { channel, error })
    },
    storageRecovered() {
      next.storageRecovered()
      events.emit('storageRecovered')
    },
    messageWithheld: (...report) => next.messageWithheld(...report),
    committed: (...report) => next.committed(...report),
    damageFound: (...report) => next.damageFound(...report),
    tailCut: (...report) => next.tailCut(...report),
    messagesRejected: (...report) => next.messagesRejected(...report),
    destinationRecovered: (...report) => next.destinationRecovered(...report),
    clientConnected: (...report) => next.clientConnected(...report),
    clientDisconnected: (...report) => next.clientDisconnected(...report),
    clientSentAway: (...report) => next.clientSentAway(...report),
    clientRefused: (...report) => next.clientRefused(...report),
    sourceRetried: (...report) => next.sourceRetried(...report),
    sourceRecovered: (...report) => next.sourceRecovered(...report),
    filesReloaded: (...report) => next.filesReloaded(...report),
    receiptsDropped: (...report) => next.receiptsDropped(...report),
  }
}
