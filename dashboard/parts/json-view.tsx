/** A payload as a person wants to read it: JSON in lines, or the text as it is, or bytes. */
import { prettyJson } from './payload/pretty-json.ts'
import { VisibleText } from './visible-text.tsx'

export interface Payload {
  readonly payload?: string | undefined
  readonly payloadBase64?: string | undefined
}

export type PayloadForm = 'pretty' | 'raw' | 'hex'

const BYTES_IN_ROW = 16
/** More is not drawn. */
const MAX_BYTES = 4_096

export function PayloadView({ payload, form }: { payload: Payload; form: PayloadForm }) {
  return (
    // Long payloads scroll, and a keyboard must be able to do so.
    <pre class="payload" tabIndex={0}>
      <VisibleText text={payloadText(payload, form)} hasLines={form !== 'raw'} />
    </pre>
  )
}

/** In one line, for lists. */
export function payloadLine({ payload, payloadBase64 }: Payload): string {
  return payload ?? `base64 ${payloadBase64 ?? ''}`
}

function payloadText(payload: Payload, form: PayloadForm): string {
  if (form === 'hex') return hexText(bytesOf(payload))
  const text = payloadLine(payload)
  return form === 'pretty' && payload.payload !== undefined ? prettyJson(text) : text
}

function bytesOf({ payload, payloadBase64 }: Payload): Uint8Array {
  if (payload !== undefined) return new TextEncoder().encode(payload)
  return Uint8Array.from(atob(payloadBase64 ?? ''), (character) => character.charCodeAt(0))
}

function hexText(bytes: Uint8Array): string {
  const rows: string[] = []
  for (let at = 0; at < Math.min(bytes.length, MAX_BYTES); at += BYTES_IN_ROW) {
    const row = [...bytes.slice(at, at + BYTES_IN_ROW)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.'))
    rows.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text.join('')}`)
  }
  if (bytes.length > MAX_BYTES) rows.push(`… ${bytes.length - MAX_BYTES} more bytes`)
  return rows.join('\n')
}
