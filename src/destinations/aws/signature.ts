/**
 * Signature Version 4. `docs/decisions/0002-signer-and-undici-instead-of-the-sdk-client.md` says why
 * it is our own; tests compare it with `@smithy/signature-v4`, header by header.
 *
 *     canonical request ──SHA-256──▶ string to sign ──HMAC──▶ signature
 *                                                      ▲
 *     secret ─HMAC date─HMAC region─HMAC service─HMAC "aws4_request": the signing key, kept for a day
 */
import { createHmac, hash } from 'node:crypto'

const ALGORITHM = 'AWS4-HMAC-SHA256'

/** The credentials to sign with; the AWS SDKs call them an identity. */
export interface AwsIdentity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | undefined
}

/** What is signed. Names and values of headers are in turn, in the order of their lower-case names. */
export interface SignedRequest {
  readonly method: string
  /** As in the canonical request: see `canonicalPathOf`. */
  readonly path: string
  /** As in the canonical request: names sorted, everything percent-encoded. */
  readonly query: string
  readonly headers: readonly string[]
  /** The names of `headers`, joined with semicolons. */
  readonly names: string
  readonly contentSha256: string
}

export class RequestSignature {
  readonly #service: string
  readonly #region: string
  readonly #keys: SigningKeyCache
  #checked: AwsIdentity | undefined
  /** The second that was signed for last, and its text: formatting costs as much as an HMAC. */
  #second = Number.NaN
  #timestamp = ''

  constructor(service: string, region: string) {
    this.#service = service
    this.#region = region
    this.#keys = new SigningKeyCache(service, region)
  }

  /**
   * The value of the header `authorization`.
   * @param time `timestamp` of the header `x-amz-date`
   */
  authorization(request: SignedRequest, identity: AwsIdentity, time: string): string {
    this.#check(identity)
    const { method, path, query, headers, names, contentSha256 } = request
    const date = time.slice(0, 8)
    const scope = `${date}/${this.#region}/${this.#service}/aws4_request`
    let canonical = `${method}\n${path}\n${query}\n`
    for (let i = 0; i < headers.length; i += 2) canonical += `${headers[i]}:${headers[i + 1]}\n`
    canonical += `\n${names}\n${contentSha256}`
    const key = this.#keys.keyFor(identity, date)
    const signature = key.sign(`${ALGORITHM}\n${time}\n${scope}\n${sha256Hex(canonical)}`)
    return `${ALGORITHM} Credential=${identity.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  }

  /** `20171127T093000Z`, for the time `atMs` in milliseconds since 1970. */
  timestamp(atMs: number): string {
    const second = Math.floor(atMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#timestamp = new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, '')
    }
    return this.#timestamp
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
}

export function sha256Hex(content: Buffer | string): string {
  return hash('sha256', content)
}

const UNFIT_FOR_HEADERS = /[^\t\x20-\x7e\x80-\xff]/

/** RFC 3986: all but the unreserved characters. encodeURIComponent leaves five more. */
export function percentEncoded(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The last signing key: four HMACs that change only with the day or the credentials. */
class SigningKeyCache {
  readonly #service: string
  readonly #region: string
  #secret = ''
  #date = ''
  #key = new SigningKey(Buffer.alloc(0))

  constructor(service: string, region: string) {
    this.#service = service
    this.#region = region
  }

  keyFor(identity: AwsIdentity, date: string): SigningKey {
    if (this.#secret !== identity.secretAccessKey || this.#date !== date) {
      const dateKey = hmac(`AWS4${identity.secretAccessKey}`, date)
      this.#key = new SigningKey(
        hmac(hmac(hmac(dateKey, this.#region), this.#service), 'aws4_request'),
      )
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
