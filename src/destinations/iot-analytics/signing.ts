/**
 * Signature Version 4 for the one request this destination sends: POST, a fixed path, no query, a
 * fixed list of headers. `docs/decisions/0002-signer-and-undici-instead-of-the-sdk-client.md` says
 * why it is written here; tests hold it to `@smithy/signature-v4`, header by header.
 *
 *     canonical request ──SHA-256──▶ string to sign ──HMAC──▶ signature
 *                                                      ▲
 *     secret ─HMAC date─HMAC region─HMAC service─HMAC "aws4_request": the signing key, kept for a day
 */
import { createHmac, hash } from 'node:crypto'
import type { Endpoint } from './endpoint.ts'

const SERVICE = 'iotanalytics'
const ALGORITHM = 'AWS4-HMAC-SHA256'
const CONTENT_TYPE = 'application/json'

/** Who signs. What the AWS SDKs call an identity. */
export interface Identity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | undefined
}

/** One request as it goes out: an attempt of a call. */
export interface Attempt {
  readonly contentSha256: string
  /** The same for all attempts of one call, so that the service can tell a repetition. */
  readonly invocationId: string
  /** `attempt=2; max=3` */
  readonly progress: string
}

export class RequestSigner {
  readonly #region: string
  readonly #host: string
  readonly #canonicalPath: string
  readonly #keys = new SigningKeyCache()
  /** The second last signed for, and how it is written: formatting costs as much as an HMAC. */
  #second = Number.NaN
  #timestamp = ''

  constructor(region: string, endpoint: Endpoint) {
    this.#region = region
    this.#host = endpoint.host
    this.#canonicalPath = canonicalPathOf(endpoint.path)
  }

  /**
   * All headers of the request but `content-length`, as name and value in turn.
   * @param atMs the time to sign for, milliseconds since 1970, corrected for a wrong clock
   */
  sign(attempt: Attempt, identity: Identity, atMs: number): string[] {
    const time = this.#timestampOf(atMs)
    const date = time.slice(0, 8)
    const scope = `${date}/${this.#region}/${SERVICE}/aws4_request`
    const headers = headersOf(attempt, this.#host, time, identity.sessionToken)
    const signedNames = identity.sessionToken === undefined ? SIGNED_NAMES : SIGNED_NAMES_WITH_TOKEN

    let canonical = `POST\n${this.#canonicalPath}\n\n`
    for (let i = 0; i < headers.length; i += 2) canonical += `${headers[i]}:${headers[i + 1]}\n`
    canonical += `\n${signedNames}\n${attempt.contentSha256}`

    const key = this.#keys.keyFor(identity, date, this.#region)
    const signature = createHmac('sha256', key)
      .update(`${ALGORITHM}\n${time}\n${scope}\n${sha256Hex(canonical)}`)
      .digest('hex')
    headers.push(
      'authorization',
      `${ALGORITHM} Credential=${identity.accessKeyId}/${scope}, SignedHeaders=${signedNames}, Signature=${signature}`,
    )
    return headers
  }

  /** `20171127T093000Z` */
  #timestampOf(atMs: number): string {
    const second = Math.floor(atMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#timestamp = new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, '')
    }
    return this.#timestamp
  }
}

/** The same request for an endpoint that asks for no signature. */
export function unsignedHeaders(attempt: Attempt): string[] {
  return [
    'amz-sdk-invocation-id',
    attempt.invocationId,
    'amz-sdk-request',
    attempt.progress,
    'content-type',
    CONTENT_TYPE,
  ]
}

export function sha256Hex(content: Buffer | string): string {
  return hash('sha256', content)
}

const SIGNED_NAMES =
  'amz-sdk-invocation-id;amz-sdk-request;content-type;host;x-amz-content-sha256;x-amz-date'
const SIGNED_NAMES_WITH_TOKEN = `${SIGNED_NAMES};x-amz-security-token`

/** In the order of their names, which is the order they are signed in. */
function headersOf(
  attempt: Attempt,
  host: string,
  time: string,
  sessionToken: string | undefined,
): string[] {
  const headers = unsignedHeaders(attempt)
  headers.push('host', host, 'x-amz-content-sha256', attempt.contentSha256, 'x-amz-date', time)
  if (sessionToken !== undefined) headers.push('x-amz-security-token', sessionToken)
  return headers
}

/** The path with every segment percent-encoded once more, and empty segments left out. */
function canonicalPathOf(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '')
  return `/${segments.map(percentEncoded).join('/')}`
}

/** RFC 3986: all but the unreserved characters. encodeURIComponent leaves five more. */
function percentEncoded(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The last signing key: four HMACs that change with the day or the credentials only. */
class SigningKeyCache {
  #secret = ''
  #date = ''
  #key: Buffer = Buffer.alloc(0)

  keyFor(identity: Identity, date: string, region: string): Buffer {
    if (this.#secret !== identity.secretAccessKey || this.#date !== date) {
      const dateKey = hmac(`AWS4${identity.secretAccessKey}`, date)
      this.#key = hmac(hmac(hmac(dateKey, region), SERVICE), 'aws4_request')
      this.#secret = identity.secretAccessKey
      this.#date = date
    }
    return this.#key
  }
}

function hmac(key: Buffer | string, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
