/**
 * The figures of channels and of the store, as HTTP, metrics and the embedding program show them.
 */
import type { StorageStateName } from '../commit/storage-health.ts'

/**
 * The figures of one channel. They add up at any moment and over restarts:
 *
 *     received = delivered + rejected + Σ dropped + expired + waiting + inFlight
 *
 * `received` counts every message addressed to the channel, refused ones included. The primary
 * destination decides what became of a message; without destinations, its commit does.
 */
export interface ChannelLedger {
  readonly channel: string
  readonly received: number
  readonly delivered: number
  /** Rejected by the primary destination. */
  readonly rejected: number
  /** By code of `errors.ts`: refused on arrival, dropped by a limit, not storable, damaged. */
  readonly dropped: Readonly<Record<string, number>>
  readonly expired: number
  /** Accepted and not in a batch that is being sent; messages not committed yet included. */
  readonly waiting: number
  readonly inFlight: number
  /**
   * On disk, the bytes of the channel's own files with messages, history included, and of its
   * messages in the journal that are still needed; the journal's files have a fixed size. With
   * durability `memory`, what its messages count for `MemorySize`.
   */
  readonly bytes: number
  /** `receivedAt` of the oldest waiting message; undefined if none waits or it is not known. */
  readonly oldestWaitingAt: number | undefined
  /** By name, the other destinations, each with its own counts. */
  readonly readers: Readonly<Record<string, ReaderLedger>>
  /** Why the channel is set aside, and takes no messages; absent if it works. */
  readonly fault?: string
  /**
   * The channel is set aside, and its files are not open: only messages refused since the start are
   * counted. The other figures are in its files, and are shown again once they can be opened.
   */
  readonly isUnopened?: boolean
}

export interface ReaderLedger {
  readonly delivered: number
  readonly rejected: number
  readonly dropped: Readonly<Record<string, number>>
  readonly expired: number
  readonly waiting: number
  readonly inFlight: number
}

/** The store as a whole. */
export interface StoreLedger {
  /** `ok`, or the problem: `full`, `read-only`, `no-access`, `io-error`, `failing`. */
  readonly state: StorageStateName
  /** What happened and what to do about it; undefined while all is well. */
  readonly problem: string | undefined
  readonly bytes: number
  /** Undefined if only the memory budget limits the store. */
  readonly maxBytes: number | undefined
  /** The part of `bytes` that is kept only for replay. */
  readonly historyBytes: number
  /** Since the process started, bytes written to the disk and syncs of it; undefined in memory. */
  readonly bytesWritten: number | undefined
  readonly syncs: number | undefined
  /** Payloads, topics and ids of the messages committed since the process started. */
  readonly messageBytes: number
  /** Dead letters kept; undefined if the configuration keeps none. */
  readonly deadLetters: number | undefined
  /** Dead letters that were given up or not kept; undefined if the configuration keeps none. */
  readonly deadLettersLost: number | undefined
}

/**
 * How long a channel can store messages without its destinations, at the rate of the last minutes.
 */
export interface OutageLeft {
  readonly channel: string
  readonly seconds: number
  /** The limit that it reaches then. */
  readonly bound: OutageBound
}

export type OutageBound =
  | 'storage.maxBytes'
  | 'MemorySize'
  | 'IotAnalyticsQueueSizePerChannel'
  | 'maxAge'
