/**
 * Health, storage and ledger as a page. Each request renders it whole, so it needs no script. It
 * shows the same as `/health` and `/ledger`.
 */
import type { ChannelLedger, OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import { durationText } from '../../channels/ledger/outage-forecast.ts'
import type { Health } from './connector-view.ts'
import { type LedgerTotals, ledgerTotals } from './ledger-totals.ts'
import { NARROW, ROUTES_HTML, STYLE } from './overview-parts.ts'

const REFRESH_SECONDS = 3
/** Of the table of channels, besides the name. */
const COLUMNS: readonly string[] = [
  'received',
  'delivered',
  'waiting',
  'rejected',
  'dropped',
  'expired',
  'on disk',
  'outage left',
]

export interface Overview {
  readonly health: Health
  readonly store: StoreLedger
  readonly channels: readonly ChannelLedger[]
  readonly outage: readonly OutageLeft[]
}

export function overviewPage({ health, store, channels, outage }: Overview): string {
  const totals = ledgerTotals(channels)
  const columns = health.destinations.length > 0 ? COLUMNS : COLUMNS.with(1, 'stored')
  const left = new Map(outage.map((row) => [row.channel, durationText(row.seconds)]))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>${health.level === 'ok' ? '' : '⚠ '}iot-analytics-connector</title>
<style>${STYLE}${labelsOnNarrowScreens(columns)}</style>
<header><h1>iot-analytics-connector</h1> ${stateBadge(health)}</header>
${problemList(health)}
<section class="tiles">
${tile('received', totals.received)}
${tile(columns[1] ?? '', totals.delivered)}
${tile('waiting', totals.waiting + totals.inFlight)}
${tile('rejected', totals.rejected)}
${tile('dropped', droppedOf(totals), reasonsText(totals))}
${tile('expired', totals.expired)}
</section>
${storageLine(store)}
${channelTable(channels, left, columns)}
${health.outage === undefined ? '' : `<p class="quiet">${sentence(health.outage)}</p>`}
${ROUTES_HTML}
</html>
`
}

/** There the table has no row of headings: each figure has its own. */
function labelsOnNarrowScreens(columns: readonly string[]): string {
  const labels = columns.map(
    (column, index) => `td:nth-child(${index + 2})::before { content: '${column}' }`,
  )
  return `@media ${NARROW} { ${labels.join(' ')} }\n`
}

function stateBadge({ level, verdict }: Health): string {
  return `<span class="badge ${level}">${escaped(verdict)}</span>`
}

function problemList({ problems }: Health): string {
  if (problems.length === 0) return ''
  return `<ul class="problems">${problems.map((problem) => `<li>${sentence(problem)}</li>`).join('')}</ul>`
}

function tile(name: string, count: number, title = ''): string {
  return `<div title="${escaped(title)}"><b>${figure(count)}</b>${name}</div>`
}

function storageLine({ state, bytes, maxBytes, deadLetters }: StoreLedger): string {
  const room = maxBytes === undefined ? size(bytes) : `${size(bytes)} of ${size(maxBytes)}`
  const bar = maxBytes === undefined ? '' : `<meter value="${bytes}" max="${maxBytes}"></meter> `
  const letters =
    deadLetters === undefined
      ? ''
      : ` · ${figure(deadLetters)}\u00a0dead ${deadLetters === 1 ? 'letter' : 'letters'}`
  return `<p>Storage: ${bar}${room}, ${escaped(state)}${letters}</p>`
}

function channelTable(
  channels: readonly ChannelLedger[],
  left: ReadonlyMap<string, string>,
  columns: readonly string[],
): string {
  if (channels.length === 0) {
    return '<p class="quiet">No channel yet: publish to iotanalytics/channels/&lt;name&gt;/messages/put.</p>'
  }
  const rows = channels.map((ledger) => channelRow(ledger, left.get(ledger.channel)))
  return `<div class="wide"><table>
<tr>${['channel', ...columns].map((heading) => `<th>${heading}`).join('')}
${rows.join('\n')}
</table></div>`
}

function channelRow(ledger: ChannelLedger, left: string | undefined): string {
  const counts = [
    ledger.received,
    ledger.delivered,
    ledger.waiting + ledger.inFlight,
    ledger.rejected,
  ].map((count) => `<td>${figure(count)}`)
  const dropped = `<td title="${escaped(reasonsText(ledger))}">${figure(droppedOf(ledger))}`
  const rest = `<td>${figure(ledger.expired)}<td>${size(ledger.bytes)}<td>${escaped(left ?? '–')}`
  return `<tr><th>${escaped(ledger.channel)}${counts.join('')}${dropped}${rest}`
}

function droppedOf({ dropped }: Pick<LedgerTotals, 'dropped'>): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0)
}

function reasonsText({ dropped }: Pick<LedgerTotals, 'dropped'>): string {
  return Object.entries(dropped)
    .map(([code, count]) => `${code}: ${count}`)
    .join(', ')
}

function figure(count: number): string {
  return count.toLocaleString('en')
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** In the unit that gives the shortest figure, as the configuration writes sizes. */
function size(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const value = bytes / 1024 ** power
  return `${value.toLocaleString('en', { maximumFractionDigits: 1 })}\u00a0${UNITS[power]}`
}

/** Escaped; a figure stays on one line with its unit. */
function sentence(text: string): string {
  return escaped(text).replace(/(\d) (s|min|h|days)\b/g, '$1\u00a0$2')
}

/** For text and attributes: names of channels come from senders. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
