/**
 * Pages of lines. A page is bounded by the text that is sent, with its escapes, and is made and sent
 * in pieces: no turn of the event loop makes more than one piece, and a connection holds one page.
 */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

export const JSON_TYPE = 'application/json; charset=utf-8'
export const LINES_TYPE = 'application/x-ndjson; charset=utf-8'
export const TEXT_TYPE = 'text/plain; charset=utf-8'
export const HTML_TYPE = 'text/html; charset=utf-8'

/** A page has at least one line, whatever its size, and ends before the line that exceeds this. */
export const MAX_PAGE_BYTES = 1024 * 1024
/** Text that is made in one turn of the event loop. */
const MADE_BYTES = 32 * 1024
/** Bytes that are given to the socket at once. */
const SENT_BYTES = 16 * 1024

/** The lines of the first items, as many as a page may have. */
export async function textPage<Item>(
  items: readonly Item[],
  lineOf: (item: Item) => string,
  nextTurn: () => Promise<void>,
): Promise<readonly Buffer[]> {
  const lines: Buffer[] = []
  let bytes = 0
  let madeAt = 0
  for (const item of items) {
    const line = Buffer.from(lineOf(item))
    if (lines.length > 0 && bytes + line.length > MAX_PAGE_BYTES) break
    lines.push(line)
    bytes += line.length
    if (bytes - madeAt < MADE_BYTES) continue
    madeAt = bytes
    await nextTurn()
  }
  return lines
}

/** Sends the parts one after the other, in pieces, so that it shows whether the client reads them. */
export function sendInPieces(
  reply: FastifyReply,
  type: string,
  parts: readonly (Buffer | string)[],
): FastifyReply {
  const buffers = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
  const bytes = buffers.reduce((sum, { length }) => sum + length, 0)
  const pieces = Readable.from(piecesOf(buffers), {
    objectMode: false,
    highWaterMark: SENT_BYTES,
  })
  return reply.type(type).header('content-length', bytes).send(pieces)
}

function* piecesOf(parts: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = []
  let smallBytes = 0
  for (const part of parts) {
    if (smallBytes + part.length > SENT_BYTES && smallBytes > 0) {
      yield Buffer.concat(small)
      small = []
      smallBytes = 0
    }
    if (part.length <= SENT_BYTES) {
      small.push(part)
      smallBytes += part.length
      continue
    }
    for (let from = 0; from < part.length; from += SENT_BYTES) {
      yield part.subarray(from, from + SENT_BYTES)
    }
  }
  if (smallBytes > 0) yield Buffer.concat(small)
}
