/**
 * Signature Version 4 for the only request this destination sends: POST, a fixed path, no query, a
 * fixed list of headers. `docs/decisions/0002-signer-and-undici-instead-of-the-sdk-client.md` says
 * why it is our own; tests compare it with `@smithy/signature-v4`, header by header.
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

/** The credentials to sign with; the AWS SDKs call them an identity. */
export interface AwsIdentity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | undefined
}

/** The parts of a request that differ from one attempt to the next. */
export interface RequestAttempt {
  readonly contentSha256: string
  /** The same for all attempts of one call, so that the service recognizes a repetition. */
  readonly invocationId: string
  /** `attempt=2; max=3` */
  readonly progress: string
}

export class RequestSigner {
  readonly #region: string
  readonly #host: string
  readonly #canonicalPath: string
  readonly #keys = new SigningKeyCache()
  #checked: AwsIdentity | undefined
  /** The second that was signed for last, and its text: formatting costs as much as an HMAC. */
  #second = Number.NaN
  #timestamp = ''

  constructor(region: string, endpoint: Endpoint) {
    this.#region = region
    this.#host = endpoint.host
    this.#canonicalPath = canonicalPathOf(endpoint.path)
  }

  /**
   * The signed headers of the request and the signature, names and values in turn.
   * @param atMs the time to sign for in milliseconds since 1970, corrected for a wrong clock
   */
  sign(attempt: RequestAttempt, identity: AwsIdentity, atMs: number): string[] {
    this.#check(identity)
    const time = this.#timestampOf(atMs)
    const date = time.slice(0, 8)
    const scope = `${date}/${this.#region}/${SERVICE}/aws4_request`
    const headers = headersOf(attempt, this.#host, time, identity.sessionToken)
    const signedNames = identity.sessionToken === undefined ? SIGNED_NAMES : SIGNED_NAMES_WITH_TOKEN

    let canonical = `POST\n${this.#canonicalPath}\n\n`
    for (let i = 0; i < headers.length; i += 2) canonical += `${headers[i]}:${headers[i + 1]}\n`
    canonical += `\n${signedNames}\n${attempt.contentSha256}`

    const key = this.#keys.keyFor(identity, date, this.#region)
    const signature = key.sign(`${ALGORITHM}\n${time}\n${scope}\n${sha256Hex(canonical)}`)
    headers.push(
      'authorization',
      `${ALGORITHM} Credential=${identity.accessKeyId}/${scope}, SignedHeaders=${signedNames}, Signature=${signature}`,
    )
    return headers
  }

  /** The same request for an endpoint that asks for no signature. */
  unsigned(attempt: Omit<RequestAttempt, 'contentSha256'>): string[] {
    return plainHeaders(attempt, this.#host)
  }

  /** Throws if the identity contains characters that could end a header. */
  #check(identity: AwsIdentity): void {
    if (identity === this.#checked) return
    const { accessKeyId, sessionToken = '' } = identity
    if (UNFIT_FOR_HEADERS.test(accessKeyId + sessionToken)) {
      throw new Error(
        'the AWS access key id or session token has characters that no header can hold',
      )
    }
    this.#checked = identity
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

export function sha256Hex(content: Buffer | string): string {
  return hash('sha256', content)
}

const SIGNED_NAMES =
  'amz-sdk-invocation-id;amz-sdk-request;content-type;host;x-amz-content-sha256;x-amz-date'
const SIGNED_NAMES_WITH_TOKEN = `${SIGNED_NAMES};x-amz-security-token`

const UNFIT_FOR_HEADERS = /[^\t\x20-\x7e\x80-\xff]/

function plainHeaders(attempt: Omit<RequestAttempt, 'contentSha256'>, host: string): string[] {
  return [
    'amz-sdk-invocation-id',
    attempt.invocationId,
    'amz-sdk-request',
    attempt.progress,
    'content-type',
    CONTENT_TYPE,
    'host',
    host,
  ]
}

/** In the order of their names, in which they are signed. */
function headersOf(
  attempt: RequestAttempt,
  host: string,
  time: string,
  sessionToken: string | undefined,
): string[] {
  const headers = plainHeaders(attempt, host)
  headers.push('x-amz-content-sha256', attempt.contentSha256, 'x-amz-date', time)
  if (sessionToken !== undefined) headers.push('x-amz-security-token', sessionToken)
  return headers
}

/** The path with every segment percent-encoded again and empty segments left out. */
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

/** The last signing key: four HMACs that change only with the day or the credentials. */
class SigningKeyCache {
  #secret = ''
  #date = ''
  #key = new SigningKey(Buffer.alloc(0))

  keyFor(identity: AwsIdentity, date: string, region: string): SigningKey {
    if (this.#secret !== identity.secretAccessKey || this.#date !== date) {
      const dateKey = hmac(`AWS4${identity.secretAccessKey}`, date)
      this.#key = new SigningKey(hmac(hmac(hmac(dateKey, region), SERVICE), 'aws4_request'))
      this.#secret = identity.secretAccessKey
      this.#date = date
    }
    return this.#key
  }
}

function hmac(key: Buffer | string, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
/** The signed text has about 150 characters. */
const MAX_SIGNED_BYTES = 1_024

/**
 * HMAC-SHA-256 (RFC 2104) with one key: the SHA-256 of the outer block and the SHA-256 of the inner
 * block and the text. node:crypto creates a stream and a native object for each HMAC; two plain
 * hashes take half the time.
 */
class SigningKey {
  readonly #inner = Buffer.alloc(BLOCK_BYTES + MAX_SIGNED_BYTES, 0)
  readonly #outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0)

  /** @param key at most `BLOCK_BYTES` long, as signing keys are */
  constructor(key: Buffer) {
    for (let i = 0; i < BLOCK_BYTES; i++) {
      this.#inner[i] = (key[i] ?? 0) ^ 0x36
      this.#outer[i] = (key[i] ?? 0) ^ 0x5c
    }
  }

  /** @param text ASCII */
  sign(text: string): string {
    const length = this.#inner.write(text, BLOCK_BYTES, 'latin1')
    if (length < text.length) throw new Error(`a text of ${text.length} bytes is too long to sign`)
    const digest = sha256Hex(this.#inner.subarray(0, BLOCK_BYTES + length))
    this.#outer.write(digest, BLOCK_BYTES, 'hex')
    return sha256Hex(this.#outer)
  }
}
