/** The operator's settings for channels: limits of all channels, rules of single ones. */
import type { DeduplicationBounds } from './limits/deduplication-window.ts'
import type { DropBehavior } from './limits/limit-refusals.ts'

export interface ChannelBounds {
  /**
   * Unsettled messages that one channel may hold, those in flight included. `Infinity`: only bytes
   * are limited.
   */
  readonly maxBacklogMessages: number
  readonly dropBehavior: DropBehavior
  /** Channels that may have a backlog at the same time. */
  readonly maxActiveChannels: number
  /** Channels that may exist. If more are found at start, they stay. */
  readonly maxChannels: number
}

/** The rules of one channel. */
export interface ChannelRules {
  /** Messages that wait longer are dropped; undefined: they wait indefinitely. */
  readonly maxAgeMs?: number | undefined
  /**
   * For how long ids are remembered, so that a message sent again is stored once; undefined: not.
   */
  readonly deduplication?: DeduplicationBounds | undefined
}
