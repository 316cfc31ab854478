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
