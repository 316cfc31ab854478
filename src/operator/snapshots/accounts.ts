/** The ledger as accounts that add up: of all channels, of each, and of each further destination. */
import type { ChannelLedger, ReaderLedger } from '../../channels/ledger/ledger.ts'
import type { Account, Ledger } from '../../http/api/shapes/ledger.ts'
import { timeText } from '../../iso-time.ts'

/** How many messages of a channel a further destination is to get; undefined if it is not known. */
export type MessagesFor = (channel: string, destination: string) => number | undefined

export function ledgerOf(
  rows: readonly ChannelLedger[],
  messagesFor: MessagesFor,
  nowMs: number,
): Ledger {
  const total = new Sum()
  const destinations = new Map<string, Sum>()
  for (const row of rows) {
    total.add(row.received, row)
    for (const [name, reader] of Object.entries(row.readers)) {
      const sum = destinations.get(name) ?? new Sum()
      destinations.set(name, sum)
      sum.add(messagesFor(row.channel, name) ?? 0, reader)
    }
  }
  return {
    now: timeText(nowMs),
    total: total.account,
    destinations: [...destinations].map(([destination, sum]) => {
      return { destination, ...sum.account }
    }),
    channels: rows.map((row) => {
      const own = new Sum()
      own.add(row.received, row)
      return { channel: row.channel, ...own.account }
    }),
  }
}

class Sum {
  readonly #dropped: Record<string, number> = {}
  #received = 0
  #delivered = 0
  #rejected = 0
  #expired = 0
  #waiting = 0
  #inFlight = 0

  add(received: number, row: ReaderLedger): void {
    this.#received += received
    this.#delivered += row.delivered
    this.#rejected += row.rejected
    this.#expired += row.expired
    this.#waiting += row.waiting
    this.#inFlight += row.inFlight
    for (const [code, count] of Object.entries(row.dropped)) {
      if (count > 0) this.#dropped[code] = (this.#dropped[code] ?? 0) + count
    }
  }

  get account(): Account {
    const dropped = Object.values(this.#dropped).reduce((sum, count) => sum + count, 0)
    const gone = this.#delivered + this.#rejected + dropped + this.#expired
    return {
      received: this.#received,
      delivered: this.#delivered,
      rejected: this.#rejected,
      dropped: this.#dropped,
      expired: this.#expired,
      waiting: this.#waiting,
      inFlight: this.#inFlight,
      difference: this.#received - gone - this.#waiting - this.#inFlight,
    }
  }
}
