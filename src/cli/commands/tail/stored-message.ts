/** A message as the HTTP API returns it. */
import { printable, safeJson } from '../../../shown-text.ts'

export interface StoredMessage {
  readonly offset: number
  /** As it came, safe to be shown. */
  readonly line: string
  readonly fields: ReadonlyMap<string, unknown>
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
  return { offset, line: safeJson(line), fields }
}

/** Undefined if it is not text. */
export function payloadText({ fields }: StoredMessage): string | undefined {
  const payload = fields.get('payload')
  return payload === undefined ? undefined : String(payload)
}

export function payloadBytes(message: StoredMessage): Buffer {
  const text = payloadText(message)
  if (text !== undefined) return Buffer.from(text)
  return Buffer.from(String(message.fields.get('payloadBase64') ?? ''), 'base64')
}

/** The value of a payload of JSON; undefined for all others. */
export function payloadValue(message: StoredMessage): unknown {
  try {
    return JSON.parse(payloadText(message) ?? '')
  } catch {
    return undefined
  }
}

/** The payload for people. */
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
