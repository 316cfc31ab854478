/** Answers requests for contents as S3 does: ranges, entity tags, errors in XML. */
import type { OpenFile } from '../../../channels/disk/files/file-layer.ts'
import type { ContentEntry } from '../versions/version-record.ts'
import type { UrlFault } from './content-urls.ts'

const PART_BYTES = 64 * 1024

export interface ContentAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Undefined for HEAD. */
  readonly body: AsyncIterable<Buffer> | string | undefined
}

export interface StoredContent {
  readonly entry: ContentEntry
  open(): Promise<OpenFile>
}

/** What a request says about the part that it wants. */
export interface RangeHeaders {
  readonly range?: string | undefined
  readonly 'if-range'?: string | string[] | undefined
}

const TYPES: Readonly<Record<string, string>> = {
  csv: 'text/csv; charset=utf-8',
  json: 'application/json',
  ipynb: 'application/json',
}
/** A page would run in the origin of this server. */
const OTHER_TYPE = 'application/octet-stream'

const FAULTS: Readonly<Record<UrlFault, readonly [code: string, message: string]>> = {
  expired: ['AccessDenied', 'Request has expired: get the content’s URL again.'],
  forged: [
    'SignatureDoesNotMatch',
    'The URL is not as it was given out: get the content’s URL again.',
  ],
}

export function faultAnswer(fault: UrlFault): ContentAnswer {
  return errorAnswer(403, ...FAULTS[fault])
}

export function missingAnswer(): ContentAnswer {
  return errorAnswer(404, 'NoSuchKey', 'The content is not stored any more.')
}

/** The file is opened when the body is read. */
export function contentAnswer(
  content: StoredContent,
  headers: RangeHeaders,
  isHead: boolean,
): ContentAnswer {
  const { entry } = content
  const { bytes } = entry
  const etag = `"${entry.file.slice(0, -'.data'.length)}"`
  const common = {
    'content-type': TYPES[/\.(\w+)$/.exec(entry.name)?.[1]?.toLowerCase() ?? ''] ?? OTHER_TYPE,
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(entry.name)}`,
    'accept-ranges': 'bytes',
    etag,
  }
  const isAsked = headers['if-range'] === undefined || headers['if-range'] === etag
  const range = isAsked ? rangeIn(headers.range, bytes) : undefined
  if (range === 'outside') {
    const answer = errorAnswer(416, 'InvalidRange', 'The range lies outside the content.')
    return { ...answer, headers: { ...answer.headers, 'content-range': `bytes */${bytes}` } }
  }
  const { from, to } = range ?? { from: 0, to: bytes }
  const length = { 'content-length': String(to - from) }
  const part = range && { 'content-range': `bytes ${from}-${to - 1}/${bytes}` }
  return {
    status: range === undefined ? 200 : 206,
    headers: { ...common, ...length, ...part },
    body: isHead ? undefined : partsOf(content, from, to),
  }
}

interface ByteRange {
  readonly from: number
  /** Not included. */
  readonly to: number
}

/** Undefined for what is no single range: then the whole is the answer (RFC 9110, 14.2). */
function rangeIn(header: string | undefined, bytes: number): ByteRange | 'outside' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const from = Math.max(0, bytes - Number(last))
    return from < bytes ? { from, to: bytes } : 'outside'
  }
  const from = Number(first)
  const to = last === '' ? bytes : Math.min(bytes, Number(last) + 1)
  if (last !== '' && Number(last) < from) return undefined
  return from < bytes ? { from, to } : 'outside'
}

export async function* partsOf(
  content: StoredContent,
  from: number,
  to: number,
): AsyncGenerator<Buffer> {
  const file = await content.open()
  try {
    for (let at = from; at < to; ) {
      const part = Buffer.allocUnsafe(Math.min(PART_BYTES, to - at))
      const count = await file.read(part, part.length, at)
      if (count === 0) throw new Error('the content is shorter than it was')
      yield part.subarray(0, count)
      at += count
    }
  } finally {
    await file.close()
  }
}

function errorAnswer(status: number, code: string, message: string): ContentAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
  return { status, headers: { 'content-type': 'application/xml' }, body }
}
