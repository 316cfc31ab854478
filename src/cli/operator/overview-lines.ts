/** The overview of the connector as lines of text: the same seven things as the dashboard. */
import { bytesText, usageText } from '../../format/bytes.ts'
import { countText, exactCount } from '../../format/count.ts'
import { durationText, roughDurationText } from '../../format/duration.ts'
import { rateText } from '../../format/rate.ts'
import { clockText, dateTimeText, type Zone } from '../../format/time.ts'
import type { Level, Usage } from '../../http/api/shapes/basics.ts'
import type { Overview } from '../../http/api/shapes/overview.ts'
import { printable } from '../../shown-text.ts'
import { meter } from '../terminal/meter.ts'
import type { Paint, Style } from '../terminal/style.ts'
import { NO_FIGURE } from '../terminal/table.ts'
import { wrapped } from '../terminal/text-width.ts'
import type { Look } from './look.ts'

const LABEL_COLUMNS = 14
const WORDS: Readonly<Record<Level, string>> = {
  ok: 'OK',
  warning: 'ATTENTION',
  critical: 'CRITICAL',
}
const DAY_MS = 86_400_000

/** Which connector, how it is doing, and what is wrong, the worst first. */
export function verdictLines(overview: Overview, look: Look): string[] {
  const { instance, version, startedAt, now, verdict } = overview
  const { style } = look
  const age = durationText(secondsBetween(startedAt, now))
  const word = WORDS[verdict.level]
  const paint = (text: string) => paintOf(verdict.level, style)(style.bold(text))
  const [first = '', ...more] = wrapped(
    `${word}  ${printable(verdict.summary)}`,
    look.columns,
    '  ',
  )
  return [
    `${style.bold(printable(instance))}  ${style.dim(`${printable(version)}, up ${age}`)}`,
    first.trimStart().replace(word, paint),
    ...more,
    ...verdict.problems.flatMap((problem) => wrapped(printable(problem), look.columns, '  ')),
  ]
}

/** Rates, waiting messages, how long an outage may last, losses, disk and memory. */
export function figureLines(overview: Overview, { style }: Look): string[] {
  const { rates, outageLeft, disk, memory, deadLetters } = overview
  const left =
    outageLeft === null
      ? NO_FIGURE
      : `${roughDurationText(outageLeft.seconds)} until ${outageLeft.bound} (${printable(outageLeft.channel)})`
  const history = disk.historyBytes === 0 ? '' : `, ${bytesText(disk.historyBytes)} of it history`
  const free = disk.freeBytes === null ? '' : `; ${bytesText(disk.freeBytes)} free`
  const rows: (readonly [label: string, text: string])[] = [
    [
      'in',
      `${rateText(rates.in)}   stored ${rateText(rates.stored)}   delivered ${rateText(rates.delivered)}`,
    ],
    ['waiting', waitingText(overview)],
    ['outage left', left],
    ['lost', lostText(overview, style)],
    ...(deadLetters === null ? [] : [['dead letters', countText(deadLetters)] as const]),
    ['disk', `${usedText(disk, style)}${history}${free}`],
    ['memory', `${usedText(memory, style)}; process ${bytesText(memory.rssBytes)}`],
  ]
  return rows.map(([label, text]) => `${style.dim(label.padEnd(LABEL_COLUMNS))}${text}`)
}

export function paintOf(level: Level, { green, yellow, red }: Style): Paint {
  return { ok: green, warning: yellow, critical: red }[level]
}

/** Both in ISO 8601, of one clock. */
export function secondsBetween(earlier: string, later: string): number {
  return Math.max(0, (Date.parse(later) - Date.parse(earlier)) / 1000)
}

/** The clock alone for the last day: `07:21:03`. */
export function momentText(at: string, now: string, zone: Zone): string {
  const time = Date.parse(at)
  return Date.parse(now) - time < DAY_MS ? clockText(time, zone) : dateTimeText(time, zone)
}

function waitingText({ waiting, now, received, lastRefusal }: Overview): string {
  if (received === 0) {
    if (lastRefusal === null) return '0; no message has come yet'
    const { who, reason } = lastRefusal
    return `0; no message has come yet. Refused last: ${printable(who)}: ${printable(reason)}`
  }
  const { messages, oldestAt, goneInSeconds } = waiting
  const age =
    oldestAt === null ? '' : `, the oldest for ${durationText(secondsBetween(oldestAt, now))}`
  const end = goneInSeconds === null ? '' : `; gone in about ${roughDurationText(goneInSeconds)}`
  return `${countText(messages)}${age}${end}`
}

function lostText({ lost: { hour, total, code } }: Overview, { red }: Style): string {
  if (total === 0) return 'none'
  const why = code === null ? '' : `, most of them ${printable(code)}`
  const recent = hour === 0 ? 'none in the last hour' : red(`${exactCount(hour)} in the last hour`)
  return `${recent}, ${countText(total)} in all${why}`
}

function usedText({ bytes, maxBytes }: Usage, style: Style): string {
  if (maxBytes === null) return `${bytesText(bytes)}, without a bound`
  return `${meter(bytes, maxBytes, style)} ${usageText(bytes, maxBytes)}`
}
