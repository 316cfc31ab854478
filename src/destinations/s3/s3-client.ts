/** Calls operations of S3 on one bucket. Attempts, credentials and the clock are up to AwsCaller. */
import type { Clock } from '../../clock.ts'
import { peerAt } from '../../connection-errors/peer.ts'
import { ConnectorError } from '../../errors.ts'
import { type Attempt, AwsCaller, codeOf, isFailure } from '../aws/aws-caller.ts'
import { CredentialSource } from '../aws/credentials.ts'
import type { Failure } from '../aws/failure.ts'
import { percentEncoded } from '../aws/signature.ts'
import { type RequestParts, SignedRequests } from '../aws/signed-request.ts'
import type { Answer, Request } from '../http-client/http-exchange.ts'
import { HttpSender } from '../http-client/http-sender.ts'
import type { S3StorageOptions } from './options.ts'
import { type Finding, failureOf, isS3Failure } from './s3-failure.ts'

export interface S3Call extends Pick<RequestParts, 'method' | 'headers' | 'body' | 'streamed'> {
  /** For errors: `storing the object a/b`. */
  readonly doing: string
  /** The name of an object; empty for the bucket. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
}

export type S3Result =
  | { readonly answer: Answer; readonly finding: undefined }
  | { readonly answer: undefined; readonly finding: Finding }

export interface S3ClientOptions {
  readonly options: S3StorageOptions
  readonly place: string
  readonly clock: Clock
  readonly random: () => number
}

export class S3Client {
  /** Scheme, host and port. */
  readonly origin: string
  readonly #root: string
  readonly #http: HttpSender
  readonly #credentials: CredentialSource | undefined
  readonly #requests: SignedRequests
  readonly #caller: AwsCaller

  constructor({ options, place, clock, random }: S3ClientOptions) {
    const { region = 'us-east-1', bucket, endpoint, timeout: timeoutMs, maxAttempts } = options
    const url = new URL(endpoint ?? publicEndpointOf(region))
    const isPathStyle = options.pathStyle ?? (endpoint !== undefined || bucket.includes('.'))
    if (!isPathStyle) url.hostname = `${bucket}.${url.hostname}`
    this.origin = url.origin
    this.#root = isPathStyle ? `/${bucket}` : ''
    this.#credentials = options.credentials.anonymous
      ? undefined
      : new CredentialSource(options.credentials, { region, clock })
    this.#http = new HttpSender({
      origin: url.origin,
      access: { place, tls: options.tls, proxy: options.proxy },
      timeoutMs,
      maxConnections: options.maxConnections,
      clock,
    })
    this.#requests = new SignedRequests('s3', region, url.host)
    this.#caller = new AwsCaller({
      http: this.#http,
      credentials: this.#credentials,
      maxAttempts,
      timeoutMs,
      peer: peerAt('endpoint', `${place}.tls`, `${place}.endpoint`),
      clock,
      random,
    })
  }

  async open(): Promise<void> {
    await this.#http.check()
    this.#http.open()
    await this.#credentials?.open()
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  /** @throws {ConnectorError} with effect `retry` unless it has succeeded or found something */
  async call(call: S3Call, signal: AbortSignal): Promise<S3Result> {
    let atMs = 0
    const makeRequest = (attempt: Attempt): Request => {
      atMs = attempt.atMs
      return this.#requests.write(this.#partsOf(call), attempt)
    }
    const read = (answer: Answer): Answer | Failure => failureOf(answer, atMs) ?? answer
    const doing = () => `${call.doing} at ${this.origin}`
    const result = await this.#caller.call<Answer>({ makeRequest, read, signal, doing })
    if (!isFailure(result)) return { answer: result, finding: undefined }
    const finding = isS3Failure(result) ? result.finding : undefined
    if (finding !== undefined) return { answer: undefined, finding }
    throw errorOf(doing(), result)
  }

  #partsOf({ key, query = {}, doing: _doing, ...parts }: S3Call): RequestParts {
    const names = key === '' ? [] : key.split('/')
    const path = `${this.#root}/${names.map(percentEncoded).join('/')}`
    return { ...parts, path, query: queryText(query) }
  }
}

/** Sorted by name, as it is signed. */
function queryText(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .sort()
    .map((name) => `${percentEncoded(name)}=${percentEncoded(query[name] ?? '')}`)
    .join('&')
}

function publicEndpointOf(region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `https://s3.${region}.${suffix}`
}

function errorOf(doing: string, failure: Failure): ConnectorError {
  const { name, message, cause } = failure
  const code = isS3Failure(failure) ? failure.code : codeOf(failure)
  const advice = isS3Failure(failure) ? failure.advice : ''
  const said = name === undefined ? message : `${name}: ${message}`
  return new ConnectorError(code, `${doing}: ${said}${advice}`, { cause })
}
