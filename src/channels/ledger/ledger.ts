/** The figures of channels and of the store, as everybody may see them. */
import type { StorageStateName } from '../commit/storage-health.ts'

/**
 * The figures of one channel, that add up at any moment and over restarts:
 *
 *     received = delivered + rejected + Σ dropped + expired + waiting + inFlight
 *
 * `received` is everything that was addressed to the channel, refused messages included. What became
 * of a message is decided by the channel's first (primary) reader; without readers, by its commit.
 */
export interface ChannelLedger {
  readonly channel: string
  readonly received: number
  readonly delivered: number
  /** Refused for good by the primary destination. */
  readonly rejected: number
  /** By code of `errors.ts`: refused on arrival, dropped at a bound, not storable, damaged. */
  readonly dropped: Readonly<Record<string, number>>
  readonly expired: number
  /** Accepted and not yet in a batch being sent; what is not committed yet included. */
  readonly waiting: number
  readonly inFlight: number
  /** Bytes the channel's log holds. */
  readonly bytes: number
  /** `receivedAt` of the oldest waiting message; undefined when none waits or it is not known. */
  readonly oldestWaitingAt: number | undefined
  /** The other readers, each with what it has settled. */
  readonly readers: Readonly<Record<string, ReaderLedger>>
}

export interface ReaderLedger {
  readonly delivered: number
  readonly rejected: number
  readonly dropped: Readonly<Record<string, number>>
  readonly expired: number
  readonly waiting: number
  readonly inFlight: number
}

/** The store as a whole, beside its channels. */
export interface StoreLedger {
  /** `ok`, or what is wrong: `full`, `read-only`, `no-access`, `io-error`, `failing`. */
  readonly state: StorageStateName
  /** What happened and what to do about it; undefined while all is well. */
  readonly problem: string | undefined
  readonly bytes: number
  /** Undefined where only memory bounds count. */
  readonly maxBytes: number | undefined
  /** Part of `bytes` that is kept only for replay. */
  readonly historyBytes: number
  /** Since the process started: bytes and syncs asked of the disk; undefined in memory. */
  readonly bytesWritten: number | undefined
  readonly syncs: number | undefined
  /** Payloads, topics and ids of the messages committed since the process started. */
  readonly messageBytes: number
  /** Dead letters kept; undefined where none are to be. */
  readonly deadLetters: number | undefined
}

/** How long a channel could go on without its destinations, at the rate of the last minutes. */
export interface OutageLeft {
  readonly channel: string
  readonly seconds: number
  /** What it would then meet. */
  readonly bound: OutageBound
}

export type OutageBound =
  | 'storage.maxBytes'
  | 'MemorySize'
  | 'IotAnalyticsQueueSizePerChannel'
  | 'maxAge'
