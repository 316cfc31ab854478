/** A message as the hub hands it out over HTTP, and as a line for people. */

export interface StoredMessage {
  readonly offset: number
  readonly line: string
  readonly text: string
}

const MAX_SHOWN_BASE64 = 96

/** Undefined for a line that is not a message. */
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
  return { offset, line, text: textOf(offset, fields) }
}

function textOf(offset: number, fields: ReadonlyMap<string, unknown>): string {
  const id = fields.get('id')
  const parts = [
    timeOf(fields.get('receivedAt')),
    `#${offset}`,
    printable(String(fields.get('topic'))),
  ]
  if (typeof id === 'string') parts.push(`id=${printable(id)}`)
  parts.push(payloadOf(fields))
  return parts.join('  ')
}

function payloadOf(fields: ReadonlyMap<string, unknown>): string {
  const payload = fields.get('payload')
  if (payload !== undefined) return printable(String(payload))
  const base64 = String(fields.get('payloadBase64') ?? '')
  const shown = base64.slice(0, MAX_SHOWN_BASE64)
  return `base64:${shown}${shown.length < base64.length ? '…' : ''}`
}

function timeOf(receivedAt: unknown): string {
  const time = typeof receivedAt === 'string' ? Date.parse(receivedAt) : Number(receivedAt)
  return Number.isFinite(time) ? new Date(time).toISOString() : '-'
}

/** A device's bytes must not steer the terminal: control characters are shown, not sent. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    JSON.stringify(character) === `"${character}"`
      ? `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
      : JSON.stringify(character).slice(1, -1),
  )
}
