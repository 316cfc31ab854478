/** How each metric of the ledger is read from it. */
import type { ChannelLedger, ReaderLedger } from '../../channels/ledger/ledger.ts'
import type { LEDGER_METRICS } from './catalogue/ledger.ts'

export interface Labels {
  readonly [name: string]: string
  readonly channel?: string
  readonly code?: string
}
type Tell = (labels: Labels, value: number) => void
type Figures = (ledger: ChannelLedger, now: number, tell: Tell) => void

const figures: Readonly<Record<keyof typeof LEDGER_METRICS, Figures>> = {
  messages_received_total: perChannel((ledger) => ledger.received),
  messages_delivered_total: perChannel((ledger) => ledger.delivered),
  messages_rejected_total: perChannel((ledger) => ledger.rejected),
  messages_dropped_total: ({ channel, dropped }, _now, tell) => {
    for (const [code, count] of Object.entries(dropped)) tell({ channel, code }, count)
  },
  messages_expired_total: perChannel((ledger) => ledger.expired),
  messages_waiting: perChannel((ledger) => ledger.waiting),
  messages_in_flight: perChannel((ledger) => ledger.inFlight),
  log_bytes: perChannel((ledger) => ledger.bytes),
  ledger_difference: perChannel(differenceOf),
  oldest_waiting_seconds: ({ channel, oldestWaitingAt }, now, tell) => {
    if (oldestWaitingAt !== undefined) tell({ channel }, Math.max(0, now - oldestWaitingAt) / 1000)
  },
  destination_delivered_total: perDestination((ledger) => ledger.delivered),
  destination_rejected_total: perDestination((ledger) => ledger.rejected),
  destination_dropped_total: ({ channel, readers }, _now, tell) => {
    for (const [destination, { dropped }] of Object.entries(readers)) {
      for (const [code, count] of Object.entries(dropped))
        tell({ channel, destination, code }, count)
    }
  },
  destination_expired_total: perDestination((ledger) => ledger.expired),
  destination_waiting_messages: perDestination((ledger) => ledger.waiting),
  destination_in_flight_messages: perDestination((ledger) => ledger.inFlight),
}

/** By the metric's name without prefix. */
export const LEDGER_FIGURES: Readonly<Record<string, Figures>> = figures

/** Counts that are not known must not be shown as 0: a reader would take it for a reset. */
function perChannel(figure: (ledger: ChannelLedger) => number): Figures {
  return (ledger, _now, tell) => {
    if (ledger.isUnopened !== true) tell({ channel: ledger.channel }, figure(ledger))
  }
}

function perDestination(figure: (ledger: ReaderLedger) => number): Figures {
  return ({ channel, readers }, _now, tell) => {
    for (const [destination, ledger] of Object.entries(readers))
      tell({ channel, destination }, figure(ledger))
  }
}

/** 0, or the connector has lost count. */
function differenceOf(ledger: ChannelLedger): number {
  const { received, delivered, rejected, dropped, expired, waiting, inFlight } = ledger
  const allDropped = Object.values(dropped).reduce((sum, count) => sum + count, 0)
  return received - (delivered + rejected + allDropped + expired + waiting + inFlight)
}
