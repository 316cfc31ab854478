/**
 * A JSON log line as a line for people: `14:03:07 warn  batch will be sent again  channel=pumps code=…`.
 */
import { safeJson } from '../../shown-text.ts'

const RESET = '\u001b[0m'
const DIM = '\u001b[2m'
const LEVEL_COLOURS: Readonly<Record<string, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
  fatal: '\u001b[31m',
}
/** Fields that have a place of their own in the line, or that only programs need. */
const PLACED = new Set(['level', 'time', 'msg', 'event'])
/** Values without quotes. They can't steer the terminal: values come from devices too. */
const PLAIN_VALUE = /^[^\s"=\p{C}]+$/u

/** @param jsonLine a line of pino; a line that is not a JSON object is returned unchanged */
export function prettyLine(jsonLine: string, coloured: boolean): string {
  const entry = parse(jsonLine)
  if (entry === undefined) return jsonLine
  const level = String(entry['level'] ?? 'info')
  const fields = Object.entries(entry)
    .filter(([name]) => !PLACED.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(' ')
  const time = localTime(String(entry['time'] ?? ''))
  const message = String(entry['msg'] ?? '')
  if (!coloured) return `${`${time} ${level.padEnd(5)} ${message}  ${fields}`.trimEnd()}\n`
  const colour = LEVEL_COLOURS[level] ?? ''
  return `${DIM}${time}${RESET} ${colour}${level.padEnd(5)}${RESET} ${message}  ${DIM}${fields}${RESET}\n`
}

function parse(jsonLine: string): Record<string, unknown> | undefined {
  try {
    const entry: unknown = JSON.parse(jsonLine)
    return typeof entry === 'object' && entry !== null ? { ...entry } : undefined
  } catch {
    return undefined
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return PLAIN_VALUE.test(value) ? value : asJson(value)
  return asJson(value)
}

function asJson(value: unknown): string {
  return safeJson(JSON.stringify(value) ?? 'undefined')
}

function localTime(iso: string): string {
  const time = new Date(iso)
  if (Number.isNaN(time.getTime())) return '--:--:--'
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
}
