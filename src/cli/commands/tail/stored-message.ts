/** A message as the HTTP API returns it, and as a line for people. */
import { printable, safeJson } from '../../../shown-text.ts'

export interface StoredMessage {
  readonly offset: number
  readonly line: string
  readonly text: string
}

const MAX_SHOWN_BASE64 = 96

/** Undefined if the line is not a message. */
export function parseStoredMessage(line: string): StoredMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const fields = new Map<string, unknown>(Object.entries(value))
  const offset = fields.get('offset')
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset)) return undefined
  return { offset, line: safeJson(line), text: textOf(offset, fields) }
}

function textOf(offset: number, fields: ReadonlyMap<string, unknown>): string {
  const id = fields.get('id')
  const parts = [
    timeOf(fields.get('receivedAt')),
    `#${offset}`,
    printable(String(fields.get('topic'))),
  ]
  if (typeof id === 'string' && id !== '') parts.push(`id=${printable(id)}`)
  else parts.push(`messageId=${printable(String(fields.get('messageId') ?? ''))}`)
  parts.push(payloadOf(fields))
  return parts.join('  ')
}

export function payloadOf(fields: ReadonlyMap<string, unknown>): string {
  const payload = fields.get('payload')
  if (payload !== undefined) return printable(String(payload))
  const base64 = String(fields.get('payloadBase64') ?? '')
  const shown = base64.slice(0, MAX_SHOWN_BASE64)
  return `base64:${shown}${shown.length < base64.length ? '…' : ''}`
}

export function timeOf(receivedAt: unknown): string {
  const time = typeof receivedAt === 'string' ? Date.parse(receivedAt) : Number(receivedAt)
  return Number.isFinite(time) ? new Date(time).toISOString() : '-'
}
