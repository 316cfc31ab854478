/**
 * Verifies Signature Version 4 as a service does, from the received request alone. It shares no
 * code with the signer.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { FakeException } from './fake-answers.ts'

export interface FakeIdentity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface ArrivedRequest {
  readonly method: string
  readonly path: string
  /** As on the wire: names and values in turn. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface SignatureProblem {
  readonly exception: FakeException
  readonly message: string
}

interface Expectation {
  readonly identity: FakeIdentity
  readonly region: string
  readonly nowMs: number
}

const MAX_SKEW_MS = 5 * 60_000
const FORM =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/

/** Undefined if the request is signed by `identity`, for `region`, at the present time. */
export function signatureProblem(
  request: ArrivedRequest,
  { identity, region, nowMs }: Expectation,
): SignatureProblem | undefined {
  const headers = headersOf(request)
  const authorization = headers.get('authorization')
  if (authorization === undefined) {
    return problem('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  const [form, keyId, date, scopeRegion, service, names, signature] = FORM.exec(authorization) ?? []
  if (form === undefined || date === undefined || names === undefined || signature === undefined) {
    return problem(
      'IncompleteSignatureException',
      `not of the form of Signature V4: ${authorization}`,
    )
  }
  if (
    keyId !== identity.accessKeyId ||
    headers.get('x-amz-security-token') !== identity.sessionToken
  ) {
    return problem(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    )
  }
  const time = headers.get('x-amz-date') ?? ''
  if (!time.startsWith(date) || scopeRegion !== region || service !== 'iotanalytics') {
    return problem(
      'InvalidSignatureException',
      `Credential should be scoped to ${date}/${region}/iotanalytics`,
    )
  }
  const missing = [
    'host',
    'x-amz-date',
    ...(identity.sessionToken ? ['x-amz-security-token'] : []),
  ].filter((name) => !names.split(';').includes(name))
  if (missing.length > 0) {
    return problem('InvalidSignatureException', `header not signed: ${missing.join(', ')}`)
  }
  const skewMs = millisecondsOf(time) - nowMs
  if (Number.isNaN(skewMs)) return problem('IncompleteSignatureException', `not a time: ${time}`)
  if (Math.abs(skewMs) > MAX_SKEW_MS) {
    const what = skewMs < 0 ? 'Signature expired' : 'Signature not yet current'
    return problem('InvalidSignatureException', `${what}: ${time}`)
  }
  const bodyHash = sha256(request.body)
  if ((headers.get('x-amz-content-sha256') ?? bodyHash) !== bodyHash) {
    return problem('InvalidSignatureException', 'x-amz-content-sha256 is not the hash of the body')
  }

  const canonical = [
    request.method,
    request.path.split('/').map(encodeURIComponent).join('/'),
    '',
    ...names.split(';').map((name) => `${name}:${headers.get(name) ?? ''}`),
    '',
    names,
    bodyHash,
  ].join('\n')
  const scope = [date, region, 'iotanalytics', 'aws4_request']
  const key = scope.reduce<Buffer | string>(hmac, `AWS4${identity.secretAccessKey}`)
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope.join('/')}\n${sha256(canonical)}`
  if (timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex'))) return undefined
  return problem(
    'InvalidSignatureException',
    `The signature does not match. Expected:\n${canonical}`,
  )
}

function headersOf({ rawHeaders }: ArrivedRequest): Map<string, string> {
  const headers = new Map<string, string>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    const value = rawHeaders[i + 1]!.trim().replace(/ +/g, ' ')
    headers.set(name, headers.has(name) ? `${headers.get(name)},${value}` : value)
  }
  return headers
}

function millisecondsOf(time: string): number {
  return Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex')
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function problem(exception: FakeException, message: string): SignatureProblem {
  return { exception, message }
}
