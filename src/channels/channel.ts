/** One channel: its log, its readers' cursors, its bounds and its part of the ledger. */
import type { ChannelLog } from './channel-log.ts'
import { Cursor } from './cursor.ts'
import type { ChannelLedger } from './ledger.ts'

export class Channel {
  readonly name: string
  readonly log: ChannelLog

  constructor(log: ChannelLog) {
    this.name = log.channel
    this.log = log
  }

  /** Messages that the slowest reader has not settled, those in flight included. */
  get backlog(): number {
    return 0
  }

  cursor(reader: string): Cursor {
    return new Cursor(reader)
  }

  ledger(): ChannelLedger {
    return {
      channel: this.name,
      received: 0,
      delivered: 0,
      rejected: 0,
      dropped: {},
      expired: 0,
      waiting: 0,
      inFlight: 0,
      bytes: 0,
      oldestWaitingAt: undefined,
      readers: {},
    }
  }
}
