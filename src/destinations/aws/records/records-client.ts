/** Calls of Kinesis and Firehose: JSON 1.1 over HTTP, signed. */
import { peerAt } from '../../../connection-errors/peer.ts'
import type { DestinationSettings } from '../../destination-settings.ts'
import type { Answer } from '../../http-client/http-exchange.ts'
import { HttpSender } from '../../http-client/http-sender.ts'
import { AwsCaller } from '../aws-caller.ts'
import { CredentialSource } from '../credentials.ts'
import type { Failure } from '../failure.ts'
import type { AwsCredentialsOptions } from '../options.ts'
import { SignedRequests } from '../signed-request.ts'
import type { RecordService } from './record-service.ts'

export interface RecordsOptions {
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  readonly credentials: AwsCredentialsOptions
  readonly timeout: number
  readonly maxAttempts: number
  readonly maxConnections: number
  readonly proxy?: string | undefined
  readonly tls?: TlsOptions | undefined
}

type TlsOptions = ConstructorParameters<typeof HttpSender>[0]['access']['tls']

export interface RecordsCall<Result> {
  readonly operation: string
  /** Valid until the call ends. */
  readonly body: Buffer
  readonly read: (answer: Answer) => Result | undefined
  readonly signal: AbortSignal
  readonly doing: () => string
}

export class RecordsClient {
  /** Scheme, host and port. */
  readonly origin: string
  readonly region: string
  readonly #api: string
  readonly #path: string
  readonly #isAnonymous: boolean
  readonly #credentials: CredentialSource
  readonly #requests: SignedRequests
  readonly #http: HttpSender
  readonly #caller: AwsCaller

  constructor(
    { service, api }: RecordService,
    settings: Pick<DestinationSettings<RecordsOptions>, 'options' | 'place' | 'clock' | 'random'>,
  ) {
    const { options, place, clock, random } = settings
    const { region = '', credentials, timeout, maxAttempts, maxConnections } = options
    const url = new URL(options.endpoint ?? publicEndpointOf(service, region))
    this.origin = url.origin
    this.region = region
    this.#api = api
    this.#path = url.pathname
    this.#isAnonymous = credentials.anonymous
    this.#credentials = new CredentialSource(credentials, { region, clock })
    this.#requests = new SignedRequests(service, region, url.host)
    this.#http = new HttpSender({
      origin: url.origin,
      access: { place, tls: options.tls, proxy: options.proxy },
      timeoutMs: timeout,
      maxConnections,
      clock,
    })
    this.#caller = new AwsCaller({
      http: this.#http,
      credentials: credentials.anonymous ? undefined : this.#credentials,
      maxAttempts,
      timeoutMs: timeout,
      peer: peerAt('endpoint', `${place}.tls`, `${place}.endpoint`),
      clock,
      random,
    })
  }

  async open(): Promise<void> {
    await this.#http.check()
    this.#http.open()
    if (!this.#isAnonymous) await this.#credentials.open()
  }

  /**
   * The result, or why the last attempt failed.
   * @throws {ConnectorError} CredentialsUnavailable, Stopping
   */
  call<Result extends object>({
    operation,
    body,
    read,
    signal,
    doing,
  }: RecordsCall<Result>): Promise<Result | Failure> {
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${this.#api}.${operation}`,
    }
    const parts = { method: 'POST', path: this.#path, headers, body } as const
    return this.#caller.call<Result>({
      makeRequest: (attempt) => this.#requests.write(parts, attempt),
      read,
      signal,
      doing,
    })
  }

  async close(): Promise<void> {
    await this.#http.close()
  }
}

function publicEndpointOf(service: string, region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `https://${service}.${region}.${suffix}`
}
