/** How each metric of the ledger is read from it. */
import type { ChannelLedger, ReaderLedger } from '../../channels/ledger/ledger.ts'
import type { LEDGER_METRICS } from './metric-catalogue.ts'

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
  oldest_waiting_seconds: ({ channel, oldestWaitingAt }, now, tell) => {
    if (oldestWaitingAt !== undefined) tell({ channel }, Math.max(0, now - oldestWaitingAt) / 1000)
  },
  reader_delivered_total: perReader((reader) => reader.delivered),
  reader_rejected_total: perReader((reader) => reader.rejected),
  reader_dropped_total: ({ channel, readers }, _now, tell) => {
    for (const [reader, { dropped }] of Object.entries(readers)) {
      for (const [code, count] of Object.entries(dropped)) tell({ channel, reader, code }, count)
    }
  },
  reader_expired_total: perReader((reader) => reader.expired),
  reader_waiting: perReader((reader) => reader.waiting),
  reader_in_flight: perReader((reader) => reader.inFlight),
}

/** By the metric's name without prefix. */
export const LEDGER_FIGURES: Readonly<Record<string, Figures>> = figures

/** Counts that are not known must not be shown as 0: a reader would take it for a reset. */
function perChannel(figure: (ledger: ChannelLedger) => number): Figures {
  return (ledger, _now, tell) => {
    if (ledger.isUnopened !== true) tell({ channel: ledger.channel }, figure(ledger))
  }
}

function perReader(figure: (reader: ReaderLedger) => number): Figures {
  return ({ channel, readers }, _now, tell) => {
    for (const [reader, ledger] of Object.entries(readers))
      tell({ channel, reader }, figure(ledger))
  }
}
