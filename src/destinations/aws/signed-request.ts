/** Writes requests of any method, signed with all their headers. */
import type { Request } from '../http-client/http-exchange.ts'
import type { Attempt } from './aws-caller.ts'
import { RequestSignature, sha256Hex } from './signature.ts'

export interface RequestParts {
  readonly method: 'POST' | 'PUT' | 'GET' | 'HEAD' | 'DELETE'
  /** Percent-encoded, and with every segment that is to be signed: it is signed as it is. */
  readonly path: string
  /** In place of the path, where a service signs another form of it. */
  readonly signedPath?: string
  /** Names sorted, everything percent-encoded; without the question mark. Default: none. */
  readonly query?: string
  /** By lower-case name. Values are latin1, without line ends. */
  readonly headers?: Readonly<Record<string, string>>
  /** Valid until the request is written. Default: none. */
  readonly body?: Buffer
  /** A body too large for memory, in place of `body`. */
  readonly streamed?: StreamedBody
}

export interface StreamedBody {
  readonly bytes: number
  readonly sha256: string
  /** Called once for each attempt. */
  read(): AsyncIterable<Buffer>
}

const NO_BODY = Buffer.alloc(0)

export class SignedRequests {
  readonly #signature: RequestSignature
  readonly #host: string

  /** @param host as in the `host` header: without a default port */
  constructor(service: string, region: string, host: string) {
    this.#signature = new RequestSignature(service, region)
    this.#host = host
  }

  /** Throws if the identity contains characters that could end a header. */
  write(parts: RequestParts, attempt: Attempt): Request {
    const { method, path, query = '', body = NO_BODY, streamed } = parts
    const headers = this.#headersOf(parts, attempt)
    const target = query === '' ? path : `${path}?${query}`
    let head = `${method} ${target} HTTP/1.1\r\nconnection: keep-alive\r\n`
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
    head += `content-length: ${streamed?.bytes ?? body.length}\r\n\r\n`
    const bytes = Buffer.allocUnsafe(head.length + body.length)
    bytes.write(head, 0, 'latin1')
    body.copy(bytes, head.length)
    const request = { bytes, release() {}, isHead: method === 'HEAD' }
    return streamed === undefined ? request : { ...request, rest: streamed.read() }
  }

  #headersOf(parts: RequestParts, { identity, atMs, invocationId, progress }: Attempt): string[] {
    const { method, query = '', headers: given = {}, body = NO_BODY, streamed } = parts
    const path = parts.signedPath ?? parts.path
    const time = this.#signature.timestamp(atMs)
    const contentSha256 = streamed?.sha256 ?? sha256Hex(body)
    const named: Record<string, string> = {
      ...given,
      'amz-sdk-invocation-id': invocationId,
      'amz-sdk-request': progress,
      host: this.#host,
    }
    if (identity !== undefined) {
      named['x-amz-content-sha256'] = contentSha256
      named['x-amz-date'] = time
      if (identity.sessionToken !== undefined) named['x-amz-security-token'] = identity.sessionToken
    }
    const names = Object.keys(named).sort()
    const headers = names.flatMap((name) => [name, (named[name] ?? '').trim()])
    if (identity === undefined) return headers
    const request = { method, path, query, headers, names: names.join(';'), contentSha256 }
    const authorization = this.#signature.authorization(request, identity, time)
    return [...headers, 'authorization', authorization]
  }
}
