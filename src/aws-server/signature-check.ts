/**
 * Checks the Signature Version 4 of a request: who has sent it, that nobody has changed it, and
 * that it is not old.
 *
 *     Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261129/us-west-2/iotanalytics/aws4_request,
 *                    SignedHeaders=content-type;host;x-amz-date, Signature=<64 hexadecimal digits>
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { quoted } from '../shown-text.ts'
import { ServiceException } from './service-answer.ts'

const ALGORITHM = 'AWS4-HMAC-SHA256'
const SERVICE = 'iotanalytics'
/** As AWS allows it. */
const MAX_SKEW_MS = 5 * 60_000
const MAX_KEYS = 100
const MAX_AUTHORIZATION_CHARACTERS = 2_048
const FORM =
  /^AWS4-HMAC-SHA256 +Credential=([^/\s,]{1,128})\/(\d{8})\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/aws4_request *, *SignedHeaders=([a-z0-9;_-]{1,1024}) *, *Signature=([0-9a-f]{64})$/
const TIME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
const TO_BE_SIGNED = ['host', 'x-amz-date']

export interface SignedRequest {
  readonly method: string
  /** As it came, still encoded. */
  readonly path: string
  /** Without the question mark, still encoded. */
  readonly query?: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface Credential {
  readonly accessKeyId: string
  readonly date: string
  readonly region: string
  readonly signedNames: string
  readonly signature: string
}

export interface SignatureCheckOptions {
  /** By access key id. */
  readonly secrets: ReadonlyMap<string, string>
  /** The setting that has them. */
  readonly place: string
  /** Headers that have to be signed, if they are there, besides those of AWS. */
  readonly signedHeaders: readonly string[]
}

export class SignatureCheck {
  readonly #options: SignatureCheckOptions
  /** Signing keys: four HMACs that change only with the day. */
  readonly #keys = new Map<string, Buffer>()

  constructor(options: SignatureCheckOptions) {
    this.#options = options
  }

  /** @throws {ServiceException} with the names of AWS, and with advice */
  check(request: SignedRequest, nowMs: number): void {
    const { headers, body } = request
    const { secrets, place, signedHeaders } = this.#options
    const credential = credentialOf(headers.authorization, place)
    const time = textOf(headers, 'x-amz-date')
    checkTime(time, credential.date, nowMs)
    checkNames(credential.signedNames, [...TO_BE_SIGNED, ...signedHeaders], headers)
    const bodySha256 = hash('sha256', body)
    const given = textOf(headers, 'x-amz-content-sha256')
    if (given !== '' && given !== bodySha256) {
      throw wrong('x-amz-content-sha256: expected the SHA-256 of the body, as it arrived here')
    }
    const secret = secrets.get(credential.accessKeyId)
    const canonical = canonicalRequest(request, credential.signedNames, bodySha256)
    const { date, region } = credential
    const scope = `${date}/${region}/${SERVICE}/aws4_request`
    const text = `${ALGORITHM}\n${time}\n${scope}\n${hash('sha256', canonical)}`
    // Without a secret the same is done with another one, so that it takes as long.
    const expected = hmac(this.#keyOf(credential, secret ?? ''), text)
    const isRight = timingSafeEqual(expected, Buffer.from(credential.signature, 'hex'))
    if (secret === undefined) {
      throw new ServiceException(
        'UnrecognizedClientException',
        `The access key id ${quoted(credential.accessKeyId)} is not among ${place}.`,
      )
    }
    if (isRight) return
    throw wrong(
      'The signature does not match. Compare the secret access key with the one here, and let no proxy change the path, the host or the headers',
    )
  }

  #keyOf({ accessKeyId, date, region }: Credential, secret: string): Buffer {
    const name = `${accessKeyId}/${date}/${region}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), SERVICE), 'aws4_request')
    // Others can't fill it: their access key ids are not kept.
    if (secret === '') return key
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear()
    this.#keys.set(name, key)
    return key
  }
}

function credentialOf(authorization: string | undefined, place: string): Credential {
  if (authorization === undefined) {
    const text = `Sign the request: ${place} are set here.`
    throw new ServiceException('MissingAuthenticationTokenException', text)
  }
  const isShort = authorization.length <= MAX_AUTHORIZATION_CHARACTERS
  const [form, accessKeyId, date, region, service, signedNames, signature] =
    (isShort && FORM.exec(authorization)) || []
  if (
    form === undefined ||
    accessKeyId === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    signedNames === undefined ||
    signature === undefined
  ) {
    const text = 'authorization: expected Signature Version 4 (AWS4-HMAC-SHA256 Credential=…)'
    throw new ServiceException('IncompleteSignatureException', text)
  }
  if (service !== SERVICE) throw wrong(`Sign for the service ${SERVICE}, not ${quoted(service)}`)
  return { accessKeyId, date, region, signedNames, signature }
}

function checkTime(time: string, date: string, nowMs: number): void {
  const [, year, month, day, hour, minute, second] = TIME.exec(time) ?? []
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(atMs)) {
    const text = `x-amz-date: expected a time such as 20261129T120000Z, got ${quoted(time)}`
    throw new ServiceException('IncompleteSignatureException', text)
  }
  if (!time.startsWith(date)) throw wrong('x-amz-date: expected the date of the credential')
  if (Math.abs(nowMs - atMs) <= MAX_SKEW_MS) return
  const state = atMs < nowMs ? 'Signature expired' : 'Signature not yet current'
  const here = new Date(nowMs).toISOString()
  throw wrong(`${state}: ${time} is more than 5 minutes from ${here}, the time here`)
}

function checkNames(
  signedNames: string,
  toBeSigned: readonly string[],
  headers: IncomingHttpHeaders,
): void {
  const names = signedNames.split(';')
  for (const name of toBeSigned) {
    if (headers[name] !== undefined && !names.includes(name)) throw wrong(`Sign the header ${name}`)
  }
  if (!names.includes('host')) throw wrong('Sign the header host')
}

function canonicalRequest(request: SignedRequest, signedNames: string, bodySha256: string): string {
  const { method, path, query = '', headers } = request
  let text = `${method}\n${path.split('/').map(encoded).join('/')}\n${canonicalQuery(query)}\n`
  for (const name of signedNames.split(';')) text += `${name}:${textOf(headers, name)}\n`
  return `${text}\n${signedNames}\n${bodySha256}`
}

/** The parameters in the order of their names and values, each encoded in one way. */
function canonicalQuery(query: string): string {
  if (query === '') return ''
  const pairs = query.split('&').map((pair) => {
    const [name = '', ...value] = pair.split('=')
    return `${encoded(decoded(name))}=${encoded(decoded(value.join('=')))}`
  })
  return pairs.sort().join('&')
}

/** @throws {ServiceException} */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong(`The query: expected percent-encoded UTF-8, got ${quoted(text)}`)
  }
}

/** As AWS encodes: only A-Z a-z 0-9 - . _ ~ stay. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The value of a header as it is signed; empty without one. */
function textOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  const text = Array.isArray(value) ? value.join(',') : (value ?? '')
  return text.trim().replace(/ +/g, ' ')
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function wrong(message: string): ServiceException {
  return new ServiceException('InvalidSignatureException', message)
}
