/** What an operator sets for channels: bounds for all of them, rules for single ones. */

import type { DeduplicationBounds } from './limits/deduplication-window.ts'
import type { DropBehavior } from './limits/limit-refusals.ts'

export interface ChannelBounds {
  /** Messages one channel may hold unsettled, those in flight included. `Infinity`: bytes bound it. */
  readonly maxBacklogMessages: number
  readonly dropBehavior: DropBehavior
  /** Channels that may have a backlog at the same time. */
  readonly maxActiveChannels: number
  /** Channels there may be at all. More that are found at start stay. */
  readonly maxChannels: number
}

/** What is set for one channel. */
export interface ChannelRules {
  /** Messages waiting longer, in milliseconds, are dropped; undefined: never. */
  readonly maxAgeMs?: number | undefined
  /** How long a sender's ids are remembered, to store a message sent again once; undefined: not. */
  readonly deduplication?: DeduplicationBounds | undefined
}
