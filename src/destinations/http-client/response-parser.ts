/**
 * Parses one response from the bytes of a connection, however they are split. It never holds more
 * than the bounds below.
 *
 *     head ─▶ body by length ──────────────────────────────▶ complete
 *      ▲ │                                                      ▲
 *      └─┴─▶ chunk size ─▶ chunk ─▶ chunk size … ─▶ trailers ───┤
 *     1xx │                                                     │
 *         └─▶ body until the connection is closed ──────────────┘
 */

import { ResponseBody } from './response-body.ts'
import {
  type BodyFraming,
  framingOf,
  parseField,
  parseHead,
  protocolError,
  type ResponseHead,
} from './response-head.ts'

/** The bound of Node's own client. Interim responses and trailers count too. */
const MAX_HEAD_BYTES = 16_384
/** The line with the size of a chunk and its extensions. */
const MAX_CHUNK_LINE_BYTES = 1_024
const CHUNK_LINE = /^([0-9a-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

const CRLF = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const HEAD_BEGINNING = Buffer.from('HTTP/1.')
const NOTHING = Buffer.alloc(0)

type State =
  | 'head'
  | 'body'
  | 'chunk-size'
  | 'chunk'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'complete'

export class ResponseParser {
  readonly body: ResponseBody
  #state: State = 'head'
  #head: ResponseHead | undefined
  /** The beginning of a head or a line that is not complete. */
  #held: Buffer = NOTHING
  #headBytes = 0
  #hasBody = true
  /** Bytes missing from the body or the chunk. */
  #missing = 0
  #excess = 0

  /**
   * Parses one response after another, with a call of `reset` before each.
   * @param maxBodyBytes beyond it the parser continues but keeps nothing more
   */
  constructor(maxBodyBytes: number) {
    this.body = new ResponseBody(maxBodyBytes)
  }

  /** @param isHead no body follows the head, as after a HEAD request */
  reset(isHead = false): void {
    this.#hasBody = !isHead
    this.body.clear()
    this.#state = 'head'
    this.#head = undefined
    this.#held = NOTHING
    this.#headBytes = 0
    this.#missing = 0
    this.#excess = 0
  }

  /** The head of the final response; undefined until it is complete. */
  get head(): ResponseHead | undefined {
    return this.#head
  }

  get isComplete(): boolean {
    return this.#state === 'complete'
  }

  /** Bytes came after the end of the response that no request asked for. */
  get hasExcess(): boolean {
    return this.#excess > 0
  }

  /**
   * @param bytes valid only until it returns
   * @throws {Error} if the bytes are not a valid response
   */
  take(bytes: Buffer): void {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    this.#held = NOTHING
    let at = 0
    while (at < all.length && this.#state !== 'complete') {
      const next = this.#step(all, at)
      if (next === undefined) {
        this.#held = Buffer.from(all.subarray(at))
        return
      }
      at = next
    }
    this.#excess += all.length - at
  }

  /** The peer has closed the connection. Returns true if that completes the response. */
  end(): boolean {
    if (this.#state === 'until-close') this.#state = 'complete'
    return this.#state === 'complete'
  }

  /** Where to continue; undefined if the element that begins at `at` is incomplete. */
  #step(bytes: Buffer, at: number): number | undefined {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, at)
      case 'body':
      case 'chunk':
        return this.#readCounted(bytes, at)
      case 'chunk-size':
        return this.#readChunkSize(bytes, at)
      case 'chunk-end':
        return this.#readChunkEnd(bytes, at)
      case 'trailers':
        return this.#readTrailer(bytes, at)
      case 'until-close':
        this.body.add(bytes, at, bytes.length)
        return bytes.length
      case 'complete':
        return at
    }
  }

  #readHead(bytes: Buffer, at: number): number | undefined {
    const end = bytes.indexOf(HEAD_END, at)
    if (end < 0) {
      refuseOtherProtocol(bytes, at)
      this.#refuseLongHead(bytes.length - at)
      return undefined
    }
    const next = end + HEAD_END.length
    this.#refuseLongHead(next - at)
    this.#headBytes += next - at
    const head = parseHead(bytes.toString('latin1', at, end))
    if (head.status === 101) throw protocolError('a switch of protocols that nobody asked for')
    // RFC 9110, 15.2: any number of interim responses may come first.
    if (head.status < 200) return next
    const framing = framingOf(head)
    this.#head = head
    this.#begin(framing)
    return next
  }

  #begin(framing: BodyFraming): void {
    if (!this.#hasBody) {
      this.#state = 'complete'
    } else if (framing === 'until-close') {
      this.#state = 'until-close'
    } else if (framing === 'chunked') {
      this.#state = 'chunk-size'
    } else {
      this.#missing = framing
      this.#state = framing === 0 ? 'complete' : 'body'
    }
  }

  #readCounted(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#missing)
    this.body.add(bytes, at, end)
    this.#missing -= end - at
    if (this.#missing === 0) this.#state = this.#state === 'body' ? 'complete' : 'chunk-end'
    return end
  }

  #readChunkSize(bytes: Buffer, at: number): number | undefined {
    const end = lineEnd(bytes, at, MAX_CHUNK_LINE_BYTES, 'chunk size')
    if (end === undefined) return undefined
    const line = bytes.toString('latin1', at, end)
    const size = CHUNK_LINE.exec(line)?.[1]
    if (size === undefined) throw protocolError('chunk size', line)
    this.#missing = Number.parseInt(size, 16)
    this.#state = this.#missing === 0 ? 'trailers' : 'chunk'
    return end + CRLF.length
  }

  #readChunkEnd(bytes: Buffer, at: number): number | undefined {
    if (bytes[at] !== CRLF[0]) throw protocolError('a chunk longer than its size')
    if (at + 1 === bytes.length) return undefined
    if (bytes[at + 1] !== CRLF[1]) throw protocolError('a chunk longer than its size')
    this.#state = 'chunk-size'
    return at + CRLF.length
  }

  /** Trailers are ignored, but must be valid fields. */
  #readTrailer(bytes: Buffer, at: number): number | undefined {
    const end = lineEnd(bytes, at, MAX_HEAD_BYTES, 'trailer')
    if (end === undefined) return undefined
    const next = end + CRLF.length
    this.#refuseLongHead(next - at)
    this.#headBytes += next - at
    if (end === at) this.#state = 'complete'
    else parseField(bytes.toString('latin1', at, end))
    return next
  }

  #refuseLongHead(more: number): void {
    if (this.#headBytes + more > MAX_HEAD_BYTES) {
      throw protocolError(`header fields of more than ${MAX_HEAD_BYTES} bytes`)
    }
  }
}

/** Undefined while the line is incomplete. */
function lineEnd(bytes: Buffer, at: number, maxBytes: number, what: string): number | undefined {
  const found = bytes.indexOf(CRLF, at)
  const end = found < 0 ? bytes.length : found
  if (end - at > maxBytes) throw protocolError(`${what} of more than ${maxBytes} bytes`)
  return found < 0 ? undefined : found
}

/** Recognizes a server that speaks another protocol at once, and not only after the timeout. */
function refuseOtherProtocol(bytes: Buffer, at: number): void {
  const length = Math.min(bytes.length - at, HEAD_BEGINNING.length)
  if (HEAD_BEGINNING.compare(bytes, at, at + length, 0, length) !== 0) {
    throw protocolError(
      'no status line',
      bytes.toString('latin1', at, Math.min(bytes.length, at + 60)),
    )
  }
}
