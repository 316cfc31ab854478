/** What the HTTP server may show of destinations, and do with them. Times are in ISO 8601. */

/** A channel that waits for its next attempt. */
export interface WaitingChannel {
  readonly channel: string
  /** When the first attempt failed. */
  readonly since: string
  /** Failed attempts since then. */
  readonly attempts: number
  /** Null while an attempt is under way. */
  readonly nextAttemptAt: string | null
  readonly waiting: number
  readonly error: string
  readonly error_message: string
}

export interface DestinationHealth {
  readonly name: string
  /**
   * `retrying`: at least one channel waits for its next attempt. `unopened`: for example, there are
   * no credentials yet.
   */
  readonly state: 'working' | 'retrying' | 'unopened'
  /** When it accepted a message last, since the connector started. */
  readonly lastSuccessAt: string | null
  readonly lastRejectedAt: string | null
  /** Messages it rejected since it accepted one last. */
  readonly rejectedInARow: number
  /** When the oldest message that it has not got arrived. */
  readonly oldestWaitingAt: string | null
  /** When the earliest batch was sent that has no result yet. */
  readonly unansweredSince: string | null
  /** Since when it fails. */
  readonly since: string | null
  readonly attempts: number
  readonly nextAttemptAt: string | null
  /** The last error, as a code of the catalogue and a text. */
  readonly error: string | null
  readonly error_message: string | null
  /** How many channels wait for a retry. */
  readonly retryingChannels: number
  /** The first of them, those that have failed longest. */
  readonly channels: readonly WaitingChannel[]
}

export interface RetryRequest {
  /** Undefined: all channels that wait for a retry. */
  readonly channel?: string | undefined
  /** Undefined: all destinations. */
  readonly destination?: string | undefined
}

export interface DestinationsView {
  destinations(): readonly DestinationHealth[]

  /**
   * By destination, the primary first, and channel: when the next attempt is, of the channels that
   * wait for one.
   */
  nextAttempts(): ReadonlyMap<string, ReadonlyMap<string, string>>

  /**
   * Makes the next attempts now. Returns how many channels of which destination waited for one, or
   * what the request names and does not exist.
   */
  retryNow(request: RetryRequest): readonly RetriedDestination[] | 'channel' | 'destination'
}

export interface RetriedDestination {
  readonly destination: string
  /** Channels whose next attempt begins now. */
  readonly retried: number
}
