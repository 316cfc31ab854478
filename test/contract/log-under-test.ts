/** A log as its contract needs it. */
import type { TestContext } from 'node:test'
import type { ChannelLog, ChannelState, LogStore } from '../../src/channels/log/channel-log.ts'

export interface LogUnderTest {
  readonly name: string
  /** A store on a fresh medium, opened. Cleans up after itself. */
  open(t: TestContext): Promise<LogStore>
  /** Opens the medium of a closed store again. Absent if logs end with their store. */
  reopen?(t: TestContext, store: LogStore): Promise<Reopened>
}

export interface Reopened {
  readonly store: LogStore
  /** The logs that `open` of the store returned. */
  readonly logs: readonly ChannelLog[]
}

/** A state with every field. */
export const STATE: ChannelState = {
  version: 1,
  cursors: {
    primary: {
      position: 2,
      settled: [{ from: 3, to: 4 }],
      delivered: 2,
      rejected: 1,
      dropped: { MessageExpired: 1 },
    },
  },
  refused: { QueueFull: 7 },
}
