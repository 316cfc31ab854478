/**
 * Parses the head of a response, and what it says about the body and the connection: RFC 9112, read
 * strictly. An ambiguous head is an error, because the bytes that follow could be taken for the
 * answer to another request.
 */
import { quoted } from '../../shown-text.ts'

export interface ResponseHead {
  /** The minor version of HTTP/1.0 or HTTP/1.1. */
  readonly minorVersion: number
  readonly status: number
  /** Names in lower case, and values, in turn. */
  readonly fields: readonly string[]
}

/** What ends a body: its length, its last chunk, or the close of the connection. */
export type BodyFraming = number | 'chunked' | 'until-close'

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/
/**
 * RFC 9110, 5.1 and 5.5: a token, no space before the colon, no control characters in the value.
 */
const FIELD_LINE =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*((?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[\t ]*$/
const DECIMAL = /^[0-9]{1,15}$/
const EXCERPT_CHARACTERS = 60

export function protocolError(what: string, came?: string): Error {
  const excerpt = came === undefined ? '' : `: ${quoted(came, EXCERPT_CHARACTERS)}`
  return new Error(`the answer is not valid HTTP/1.1: ${what}${excerpt}`)
}

/**
 * @param text the head without the empty line that ends it
 * @throws {Error} if it is not a valid head
 */
export function parseHead(text: string): ResponseHead {
  const lines = text.split('\r\n')
  const [, minorVersion, status] = STATUS_LINE.exec(lines[0] ?? '') ?? []
  if (status === undefined) throw protocolError('no status line', lines[0])
  const fields: string[] = []
  for (let i = 1; i < lines.length; i++) {
    const [name, value] = parseField(lines[i] ?? '')
    fields.push(name.toLowerCase(), value)
  }
  return { minorVersion: Number(minorVersion), status: Number(status), fields }
}

/** @throws {Error} if the line is not a field of a head or trailer */
export function parseField(line: string): readonly [name: string, value: string] {
  const [, name, value] = FIELD_LINE.exec(line) ?? []
  if (name === undefined || value === undefined) throw protocolError('not a header field', line)
  return [name, value]
}

/** The first value of a field; undefined if there is none. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}

/** @throws {Error} if the head contradicts itself or uses an encoding that we don't read */
export function framingOf({ status, minorVersion, fields }: ResponseHead): BodyFraming {
  const lengths = valuesOf(fields, 'content-length')
  const encodings = valuesOf(fields, 'transfer-encoding')
  const [length] = lengths
  if (lengths.length > 1) throw protocolError('more than one content-length', lengths.join())
  if (length !== undefined && !DECIMAL.test(length)) throw protocolError('content-length', length)
  if (encodings.length > 0) {
    if (length !== undefined) throw protocolError('both content-length and transfer-encoding')
    if (minorVersion === 0) throw protocolError('transfer-encoding in HTTP/1.0')
    const encoding = encodings.join()
    if (encoding.toLowerCase() !== 'chunked') throw protocolError('transfer-encoding', encoding)
  }
  if (status === 204 || status === 304) return 0
  if (encodings.length > 0) return 'chunked'
  return length === undefined ? 'until-close' : Number(length)
}

/** Subtracted from the server's timeout, so that it does not close just as we send. */
const CLOSE_BEFORE_MS = 2_000
/** A bound for the timeout that a server offers. */
const MAX_KEEP_ALIVE_MS = 600_000

/**
 * How long the connection may stay idle and still be used again; 0 if it may not be used again.
 * @param usualMs the result if the server does not say
 */
export function keepAliveMsOf({ minorVersion, fields }: ResponseHead, usualMs: number): number {
  const options = valuesOf(fields, 'connection')
    .join()
    .toLowerCase()
    .split(/[\t ]*,[\t ]*/)
  if (options.includes('close')) return 0
  if (minorVersion === 0 && !options.includes('keep-alive')) return 0
  const seconds = /timeout=([0-9]{1,9})/i.exec(fieldOf(fields, 'keep-alive') ?? '')?.[1]
  if (seconds === undefined) return usualMs
  return Math.max(0, Math.min(Number(seconds) * 1_000 - CLOSE_BEFORE_MS, MAX_KEEP_ALIVE_MS))
}

function valuesOf(fields: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < fields.length; i += 2)
    if (fields[i] === name) values.push(fields[i + 1] ?? '')
  return values
}
