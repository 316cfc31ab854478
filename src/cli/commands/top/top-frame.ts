/** A frame of `top`: lines that fill the screen. */
import { countText, exactCount } from '../../../format/count.ts'
import { clockText } from '../../../format/time.ts'
import type { TailMessage } from '../../../http/api/shapes/messages.ts'
import { printable } from '../../../shown-text.ts'
import { channelLines, clientLines, destinationLines } from '../../operator/flow-tables.ts'
import type { Look } from '../../operator/look.ts'
import { figureLines, verdictLines } from '../../operator/overview-lines.ts'
import { fitted } from '../../terminal/text-width.ts'
import type { TopData } from './live-data.ts'
import { PAGES, type Page, selectedIn, type TopState, visibleNames } from './top-state.ts'

export interface Size {
  readonly rows: number
  readonly columns: number
}

/** The connector does not answer. */
export interface Away {
  /** When it answered last, in milliseconds since 1970. */
  readonly since: number
  readonly reason: string
}

/** On fewer rows the figures would leave no room for the table. */
const ROWS_FOR_FIGURES = 24
const FEW_FIGURES = 2
const MAX_VERDICT_LINES = 4
const TITLES: Readonly<Record<Page, string>> = {
  channels: 'Channels',
  destinations: 'Destinations',
  clients: 'Clients',
}
/** Before each line of a table: marks the chosen row. */
const MARK = '> '
const NO_MARK = '  '

export function topFrame(
  state: TopState,
  data: TopData,
  away: Away | undefined,
  size: Size,
  look: Look,
): string[] {
  const head = headLines(data, away, size, look)
  const foot = footLine(state, look)
  const room = size.rows - head.length - 1
  const body =
    state.tailed === undefined
      ? listLines(state, data, room, size, look)
      : tailLines(state.tailed, data, room, look)
  const lines = [...head, ...body.slice(0, Math.max(0, room))]
  while (lines.length < size.rows - 1) lines.push('')
  return [...lines.slice(0, size.rows - 1), foot]
}

function headLines(data: TopData, away: Away | undefined, { rows }: Size, look: Look): string[] {
  const { overview } = data
  const { style, zone } = look
  const figures = figureLines(overview, look)
  const all = [
    ...verdictLines(overview, look).slice(0, MAX_VERDICT_LINES),
    '',
    ...(rows < ROWS_FOR_FIGURES ? figures.slice(0, FEW_FIGURES) : figures),
    '',
  ]
  if (away === undefined) return all
  // All figures are of the past.
  const since = clockText(away.since, zone)
  const banner = `No answer from ${printable(overview.instance)} since ${since}, trying again: ${printable(away.reason)}`
  return [style.yellow(style.bold(banner)), ...all.map(style.dim)]
}

function listLines(
  state: TopState,
  data: TopData,
  room: number,
  { columns }: Size,
  look: Look,
): string[] {
  const names = visibleNames(state, data)
  const chosen = selectedIn(state, data)
  const [heading = '', ...rows] = tableOf(state, data, names, { ...look, columns: columns - 2 })
  const visibleRows = Math.max(1, room - 2)
  const place = Math.max(0, names.indexOf(chosen ?? ''))
  // As far down as the chosen row asks for, in whole pages, so that rows keep their places.
  const first = Math.floor(place / visibleRows) * visibleRows
  return [
    tabLine(state, data, look),
    `${NO_MARK}${heading}`,
    ...rows
      .slice(first, first + visibleRows)
      .map((row, index) =>
        first + index === place ? look.style.bold(`${MARK}${row}`) : `${NO_MARK}${row}`,
      ),
    ...(rows.length === 0 ? [`${NO_MARK}${emptyText(state)}`] : []),
  ]
}

function tableOf(
  { page }: TopState,
  { overview: { now }, channels, destinations, clients }: TopData,
  names: readonly string[],
  look: Look,
): string[] {
  switch (page) {
    case 'channels':
      return channelLines(inOrder(channels, names, nameOf), now, look)
    case 'destinations':
      return destinationLines(inOrder(destinations, names, nameOf), now, look)
    case 'clients':
      return clientLines(
        inOrder(clients.clients, names, ({ clientId }) => clientId),
        now,
        look,
      )
  }
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}

function inOrder<Row>(
  rows: readonly Row[],
  names: readonly string[],
  nameOf: (row: Row) => string,
): Row[] {
  const byName = new Map(rows.map((row) => [nameOf(row), row]))
  return names.flatMap((name) => byName.get(name) ?? [])
}

function tabLine({ page, sort, filter, isTyping }: TopState, data: TopData, look: Look): string {
  const { bold, dim, yellow } = look.style
  const counts: Readonly<Record<Page, number>> = {
    channels: data.channels.length + data.otherChannels,
    destinations: data.overview.destinations.length,
    clients: data.clients.clientCount,
  }
  const tabs = PAGES.map((name) => {
    const text = `${TITLES[name]} ${countText(counts[name])}`
    return name === page ? bold(`[${text}]`) : dim(` ${text} `)
  })
  const shown = filter === '' && !isTyping ? '' : `  ${yellow(`/${printable(filter)}`)}`
  return `${tabs.join(' ')}  ${dim(`sorted by ${sort[page]}`)}${shown}${isTyping ? '_' : ''}`
}

function emptyText({ page, filter }: TopState): string {
  if (filter !== '') return `Nothing matches /${printable(filter)}. Esc shows all.`
  return {
    channels: 'No channel yet: the first message creates one.',
    destinations: 'No destination: messages stay in the local store.',
    clients: 'No client is connected to the MQTT server.',
  }[page]
}

function tailLines(channel: string, data: TopData, room: number, look: Look): string[] {
  const { bold, dim, yellow } = look.style
  const { tail, skipped } = data
  const left = skipped === 0 ? '' : yellow(`  ${exactCount(skipped)} skipped`)
  const messages = tail.slice(-Math.max(1, room - 1)).map((message) => messageLine(message, look))
  const empty = messages.length === 0 ? [dim('Waiting for messages.')] : []
  return [`${bold(printable(channel))}${left}`, ...messages, ...empty]
}

function messageLine(message: TailMessage, { style, zone, columns }: Look): string {
  const { receivedAt, topic, payload, payloadBase64 = '', cutFromBytes } = message
  const time = clockText(Date.parse(receivedAt), zone, true)
  const text = payload === undefined ? `base64:${payloadBase64}` : printable(payload)
  const whole = cutFromBytes === undefined ? '' : `… ${exactCount(cutFromBytes)} B`
  const line = `${style.dim(time)}  ${style.cyan(printable(topic))}  ${text}${style.dim(whole)}`
  return columns === undefined ? line : fitted(line, columns)
}

function footLine({ isPaused, isTyping, tailed }: TopState, { style }: Look): string {
  if (isTyping) return style.dim('type a part of a name   Enter keep   Esc all')
  const state = isPaused ? `${style.yellow(style.bold('PAUSED'))}  ` : ''
  const keys =
    tailed === undefined
      ? 'Tab page   s sort   r sort again   / filter   Enter tail   p pause   q quit'
      : 'Esc back   p pause   q quit'
  return `${state}${style.dim(keys)}`
}
