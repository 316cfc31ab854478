/** The events for programs that embed the connector. */
import type { EventEmitter } from 'node:events'
import type { ConnectorError } from '../errors.ts'
import type { PipelineObserver } from '../observer.ts'

/** A status message of the specification ("Output Data"), parsed. */
export interface Receipt {
  readonly response:
    | { readonly status: 'success' }
    | { readonly status: 'fail'; readonly error: string; readonly error_message: string }
  /**
   * The sender's id, or a generated one if a formatted message had none. Absent for binary
   * messages.
   */
  readonly id?: string
}

export interface ConnectorEvents {
  /** The receipt of any message. Emitted only while there is a listener. */
  receipt: [receipt: Receipt]
  /** A message was refused or dropped. `channel` is undefined when it named none that can exist. */
  dropped: [drop: { channel: string | undefined; code: string; detail: string }]
  /** A destination answered one call. */
  batchSent: [batch: { channel: string; destination: string; messages: number }]
  /** A batch will be sent again. */
  batchRetried: [
    retry: { channel: string; destination: string; error: ConnectorError; delayMs: number },
  ]
  /**
   * Messages can't be stored, until `storageRecovered` with the same `channel`: `__journal` for all
   * channels, or the one whose own files fail.
   */
  storageFailed: [failure: { channel: string; error: ConnectorError }]
  storageRecovered: [recovery: { channel: string }]
}

/** What the connector itself needs of the reports. */
export interface ReportListeners {
  /** Certificates, users or rules have been read again. */
  readonly onReloaded: () => void
  readonly onRefused: PipelineObserver['clientRefused']
}

/** Passes reports on to `next` and `listeners`, and emits some of them as `events`. */
export function emittingObserver(
  events: EventEmitter<ConnectorEvents>,
  next: PipelineObserver,
  { onReloaded, onRefused }: ReportListeners,
): PipelineObserver {
  return {
    messageDropped(channel, code, detail) {
      next.messageDropped(channel, code, detail)
      events.emit('dropped', { channel, code, detail })
    },
    batchSent(channel, destination, messages, durationMs, firstReceivedAt) {
      next.batchSent(channel, destination, messages, durationMs, firstReceivedAt)
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
    storageRecovered(channel) {
      next.storageRecovered(channel)
      events.emit('storageRecovered', { channel })
    },
    acknowledged: (...report) => next.acknowledged(...report),
    messagesDelivered: (...report) => next.messagesDelivered(...report),
    filesReloaded(source, error) {
      next.filesReloaded(source, error)
      if (error === undefined) onReloaded()
    },
    messageWithheld: (...report) => next.messageWithheld(...report),
    committed: (...report) => next.committed(...report),
    damageFound: (...report) => next.damageFound(...report),
    tailCut: (...report) => next.tailCut(...report),
    messagesRejected: (...report) => next.messagesRejected(...report),
    deadLetterLost: (...report) => next.deadLetterLost(...report),
    destinationRecovered: (...report) => next.destinationRecovered(...report),
    destinationNoticed: (...report) => next.destinationNoticed(...report),
    spoolGrew: (...report) => next.spoolGrew(...report),
    clientConnected: (...report) => next.clientConnected(...report),
    clientDisconnected: (...report) => next.clientDisconnected(...report),
    clientSentAway: (...report) => next.clientSentAway(...report),
    clientRefused(...report) {
      next.clientRefused(...report)
      onRefused(...report)
    },
    sourceRetried: (...report) => next.sourceRetried(...report),
    sourceRecovered: (...report) => next.sourceRecovered(...report),
    settingsInsecure: (...report) => next.settingsInsecure(...report),
    spansDropped: (...report) => next.spansDropped(...report),
    receiptsDropped: (...report) => next.receiptsDropped(...report),
    rowsConverted: (...report) => next.rowsConverted(...report),
    conversionFailed: (...report) => next.conversionFailed(...report),
    pipelineRan: (...report) => next.pipelineRan(...report),
    pipelineDelayed: (...report) => next.pipelineDelayed(...report),
    pipelineWaits: (...report) => next.pipelineWaits(...report),
    datastoreGrew: (...report) => next.datastoreGrew(...report),
    pipelineLogged: (...report) => next.pipelineLogged(...report),
    pipelineFailed: (...report) => next.pipelineFailed(...report),
    rowsLeftOut: (...report) => next.rowsLeftOut(...report),
    tablesGrew: (...report) => next.tablesGrew(...report),
    tableUploaded: (...report) => next.tableUploaded(...report),
    uploadFailed: (...report) => next.uploadFailed(...report),
    uploadsWait: (...report) => next.uploadsWait(...report),
    uploadsLost: (...report) => next.uploadsLost(...report),
    contentMade: (...report) => next.contentMade(...report),
    contentFailed: (...report) => next.contentFailed(...report),
    contentDelivered: (...report) => next.contentDelivered(...report),
    deliveryFailed: (...report) => next.deliveryFailed(...report),
  }
}
