/** Sources, channels, destinations and clients as tables. */
import { countText } from '../../format/count.ts'
import { durationText, roughDurationText } from '../../format/duration.ts'
import { rateText } from '../../format/rate.ts'
import type { ChannelRow } from '../../http/api/shapes/channels.ts'
import type { ClientRow } from '../../http/api/shapes/clients.ts'
import type { DestinationSummary, SourceRow } from '../../http/api/shapes/overview.ts'
import { printable } from '../../shown-text.ts'
import { type Cell, type Column, NO_FIGURE, type Row, tableLines } from '../terminal/table.ts'
import type { Look } from './look.ts'
import { momentText, secondsBetween } from './overview-lines.ts'

const CHANNEL: readonly Column[] = [
  { heading: 'CHANNEL', mayShrink: true },
  { heading: 'IN', isFigure: true },
  { heading: 'OUT', isFigure: true },
  { heading: 'WAITING', isFigure: true },
  { heading: 'OLDEST', isFigure: true },
  { heading: 'OUTAGE LEFT', isFigure: true, mayGo: true },
  { heading: 'LOST', isFigure: true },
]
const DESTINATION: readonly Column[] = [
  { heading: 'DESTINATION', mayShrink: true },
  { heading: 'STATE' },
  { heading: 'OUT', isFigure: true },
  { heading: 'WAITING', isFigure: true },
  { heading: 'LAST SUCCESS', isFigure: true, mayGo: true },
  { heading: '', mayShrink: true },
]
const SOURCE: readonly Column[] = [
  { heading: 'SOURCE' },
  { heading: 'STATE' },
  { heading: 'IN', isFigure: true },
  { heading: 'CLIENTS', isFigure: true },
  { heading: '', mayShrink: true },
]
const CLIENT: readonly Column[] = [
  { heading: 'CLIENT', mayShrink: true },
  { heading: 'USER', mayShrink: true },
  { heading: 'ADDRESS', mayGo: true },
  { heading: 'SINCE', isFigure: true },
  { heading: 'IN', isFigure: true },
  { heading: 'RECEIVED', isFigure: true },
  { heading: 'LAST TOPIC', mayShrink: true, mayGo: true },
]

export function channelLines(channels: readonly ChannelRow[], now: string, look: Look): string[] {
  const { red, yellow } = look.style
  return table(
    CHANNEL,
    channels.map((row) => [
      { text: printable(row.name), paint: row.fault === null ? undefined : red },
      rateText(row.in),
      rateText(row.out),
      { text: countText(row.waiting), paint: row.waiting > 0 ? yellow : undefined },
      row.oldestAt === null ? NO_FIGURE : durationText(secondsBetween(row.oldestAt, now)),
      row.outageLeftSeconds === null ? NO_FIGURE : roughDurationText(row.outageLeftSeconds),
      { text: countText(row.lost), paint: row.lost > 0 ? red : undefined },
    ]),
    look,
  )
}

export function destinationLines(
  destinations: readonly DestinationSummary[],
  now: string,
  look: Look,
): string[] {
  return table(
    DESTINATION,
    destinations.map((row) => [
      printable(row.name),
      stateCell(row.state, look),
      rateText(row.out),
      countText(row.waiting),
      row.lastSuccessAt === null ? NO_FIGURE : momentText(row.lastSuccessAt, now, look.zone),
      troubleText(row, now),
    ]),
    look,
  )
}

export function sourceLines(sources: readonly SourceRow[], look: Look): string[] {
  return table(
    SOURCE,
    sources.map((row) => [
      printable(row.name),
      stateCell(row.state, look),
      rateText(row.in),
      row.clients === null ? NO_FIGURE : countText(row.clients),
      printable(row.description),
    ]),
    look,
  )
}

export function clientLines(clients: readonly ClientRow[], now: string, look: Look): string[] {
  return table(
    CLIENT,
    clients.map((row) => [
      printable(row.clientId),
      row.user === null ? NO_FIGURE : printable(row.user),
      printable(row.address),
      durationText(secondsBetween(row.since, now)),
      rateText(row.in),
      countText(row.received),
      row.lastTopic === null ? NO_FIGURE : printable(row.lastTopic),
    ]),
    look,
  )
}

function table(columns: readonly Column[], rows: readonly Row[], look: Look): string[] {
  return tableLines(columns, rows, { columns: look.columns, heading: look.style.dim })
}

function stateCell(state: SourceRow['state'] | DestinationSummary['state'], { style }: Look): Cell {
  const isWell = state === 'working' || state === 'listening' || state === 'connected'
  return { text: state, paint: isWell ? style.green : style.yellow }
}

/** `for 2 h 10 min, next try in 14 s: connection refused` */
function troubleText(row: DestinationSummary, now: string): string {
  if (row.state === 'working') return ''
  const { since, nextAttemptAt, error, error_message } = row
  const parts = [
    ...(since === null ? [] : [`for ${durationText(secondsBetween(since, now))}`]),
    nextAttemptAt === null
      ? 'trying now'
      : `next try in ${durationText(Math.ceil(secondsBetween(now, nextAttemptAt)))}`,
  ]
  const reason = error_message ?? error
  return `${parts.join(', ')}${reason === null ? '' : `: ${printable(reason)}`}`
}
