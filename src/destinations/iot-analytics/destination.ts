/**
 * Sends batches to AWS IoT Analytics, or to anything that speaks its BatchPutMessage.
 *
 * `open` loads the AWS credential chain, so a connector that does not send to AWS does not pay for
 * it.
 */
import type { Clock } from '../../clock.ts'
import { peerAt } from '../../connection-errors/peer.ts'
import { ConnectorError } from '../../errors.ts'
import { AwsCaller, codeOf, isFailure } from '../aws/aws-caller.ts'
import { CredentialSource } from '../aws/credentials.ts'
import type { Failure } from '../aws/failure.ts'
import type { Batch, BatchOutcome, BatchRule, Destination } from '../destination.ts'
import { HttpSender } from '../http-client/http-sender.ts'
import { type Endpoint, endpointAt, publicEndpointOf } from './endpoint.ts'
import { type IotAnalyticsOptions, MAX_BATCH_MESSAGES } from './options.ts'
import { OriginHeaders, type UpstreamOf } from './origin-headers.ts'
import { RequestWriter } from './request.ts'
import { outcomeOf } from './response.ts'
import { RequestSigner } from './signing.ts'

/** RFC 9110, 15.5.14: content too large. */
const TOO_LARGE = 413
const DEFAULT_PLACE = 'destinations[0].iotAnalytics'

const DENIED_ADVICE =
  '. The messages are kept. Check the credentials, their permission iotanalytics:BatchPutMessage, and this machine’s clock'

export interface IotAnalyticsSettings {
  readonly name: string
  /** Where its options are in the configuration. Default: in the first destination. */
  readonly place?: string
  readonly options: IotAnalyticsOptions
  /** The region to sign for, and the region of the endpoint unless `options.endpoint` is set. */
  readonly region: string
  /** `IotAnalyticsBatchSizePerChannel`. Default: as many as a call takes. */
  readonly batchMessages?: number
  /** `PublishInterval`. Default: 0, a batch is due at once. */
  readonly intervalMs?: number
  /** Default: batches don't say where they come from. */
  readonly connectorId?: string
  /** Which connectors the messages of a channel have passed; default: none. */
  readonly upstreamOf?: UpstreamOf | undefined
  readonly clock: Clock
  /** In [0, 1): spreads retries. Default: Math.random. */
  readonly random?: () => number
}

export class IotAnalyticsDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #options: IotAnalyticsOptions
  readonly #endpoint: Endpoint
  readonly #credentials: CredentialSource
  readonly #requests: RequestWriter
  readonly #http: HttpSender
  readonly #caller: AwsCaller
  /** Undefined: the service does not want to know where messages come from. */
  readonly #origins: OriginHeaders | undefined

  constructor({
    name,
    place = DEFAULT_PLACE,
    options,
    region,
    batchMessages = MAX_BATCH_MESSAGES,
    intervalMs = 0,
    connectorId,
    upstreamOf,
    clock,
    random = Math.random,
  }: IotAnalyticsSettings) {
    this.name = name
    this.batchRule = {
      maxMessages: options.maxBatchMessages ?? Math.min(batchMessages, MAX_BATCH_MESSAGES),
      maxBytes: options.maxBatchBytes,
      intervalMs,
      hasDistinctIds: true,
    }
    this.#options = options
    this.#endpoint = endpointAt(options.endpoint ?? publicEndpointOf(region))
    this.description = `BatchPutMessage to ${this.#endpoint.origin} (${region})`
    this.#credentials = new CredentialSource(options.credentials, { region, clock })
    this.#requests = new RequestWriter(this.#endpoint, new RequestSigner(region, this.#endpoint))
    this.#http = new HttpSender({
      origin: this.#endpoint.origin,
      access: { place, tls: options.tls, proxy: options.proxy },
      timeoutMs: options.timeout,
      maxConnections: options.maxConnections,
      clock,
    })
    if (connectorId !== undefined && options.endpoint !== undefined) {
      this.#origins = new OriginHeaders({ connectorId, destination: name, upstreamOf })
    }
    this.#caller = new AwsCaller({
      http: this.#http,
      credentials: options.credentials.anonymous ? undefined : this.#credentials,
      maxAttempts: options.maxAttempts,
      timeoutMs: options.timeout,
      peer: peerAt('endpoint', `${place}.tls`, `${place}.endpoint`),
      clock,
      random,
    })
  }

  async open(): Promise<void> {
    await this.#http.check()
    this.#http.open()
    if (!this.#options.credentials.anonymous) await this.#credentials.open()
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    const headers = this.#origins?.headersOf(batch)
    const result = await this.#caller.call<BatchOutcome>({
      makeRequest: (attempt) => this.#requests.write({ batch, ...headers, ...attempt }),
      read: (answer) => outcomeOf(answer, batch),
      signal,
      doing: () => this.#doing(batch),
    })
    return isFailure(result) ? this.#giveUp(batch, result) : result
  }

  /**
   * A call without messages. A service that takes the identity answers that there are none, or
   * accepts that.
   */
  async check(signal: AbortSignal): Promise<void> {
    await this.send({ channel: 'check', logId: '', messages: [] }, signal)
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  /** The service's own name for a rejection is passed on to the senders unchanged. */
  #giveUp(batch: Batch, failure: Failure): BatchOutcome {
    const { name, message, cause, status } = failure
    const said = name === undefined ? message : `${name}: ${message}`
    const { length } = batch.messages
    // Smaller requests may pass, so the batch is divided.
    const isTooLarge = status === TOO_LARGE && length > 1
    const isTooMany = failure.kind === 'refused' && length > MAX_BATCH_MESSAGES
    if (isTooLarge || isTooMany) {
      throw new ConnectorError('ContentRefused', `${this.#doing(batch)}: ${said}`)
    }
    if (failure.kind === 'refused' && name !== undefined) {
      const refusal = { error: name, message }
      return { rejected: batch.messages.map((_, index) => ({ index, refusal })), kept: [] }
    }
    const advice = failure.kind === 'denied' ? DENIED_ADVICE : ''
    const text = `${this.#doing(batch)}: ${said}${advice}`
    throw new ConnectorError(codeOf(failure), text, { cause })
  }

  #doing({ channel, messages }: Batch): string {
    if (messages.length === 0) return `calling ${this.#endpoint.origin}`
    return `sending a batch of ${messages.length} from channel ${channel} to ${this.#endpoint.origin}`
  }
}
