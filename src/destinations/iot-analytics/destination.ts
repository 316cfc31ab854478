/**
 * Sends batches to AWS IoT Analytics, or to anything that speaks its BatchPutMessage.
 *
 *     send ─▶ ┌ identity ─▶ connection ─▶ body, signature ─▶ answer ┐ ─▶ outcome
 *             └──────────────── pause ◀── retry rules ◀─────────────┘
 *
 * `open` loads the AWS credential chain, so a connector that does not send to AWS does not pay for
 * it.
 */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Clock } from '../../clock.ts'
import { ConnectorError, type ErrorCode, systemCodeOf } from '../../errors.ts'
import { type TlsPeer, tlsAdvice, tlsMessageOf, tlsPeerAt } from '../../named-files/tls-advice.ts'
import { cut } from '../../shown-text.ts'
import type { Batch, BatchOutcome, BatchRule, Destination } from '../destination.ts'
import { CredentialSource } from './credentials.ts'
import { type Endpoint, endpointAt, publicEndpointOf } from './endpoint.ts'
import { type Failure, isAboutKey } from './failure.ts'
import { HttpSender } from './http/http-sender.ts'
import type { IotAnalyticsOptions } from './options.ts'
import { RequestWriter } from './request.ts'
import { failureOf, outcomeOf } from './response.ts'
import { type CallRetries, RetryRules } from './retry-rules.ts'
import { type AwsIdentity, RequestSigner } from './signing.ts'
import { pause, within } from './wait.ts'

/** Quota of BatchPutMessage (L-59E2DC0E), not adjustable. Specification, Limits. */
const MAX_BATCH_MESSAGES = 100
/** Of an error on the wire, which may quote what the peer sent, such as names in a certificate. */
const MAX_TEXT_CHARACTERS = 1_000
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
  readonly clock: Clock
  /** In [0, 1): spreads retries. Default: Math.random. */
  readonly random?: () => number
}

/** One `send`, with all its attempts. */
interface Call {
  readonly batch: Batch
  readonly signal: AbortSignal
  readonly invocationId: string
  readonly retries: CallRetries
}

export class IotAnalyticsDestination implements Destination {
  readonly name: string
  readonly description: string
  readonly batchRule: BatchRule
  readonly #options: IotAnalyticsOptions
  readonly #clock: Clock
  readonly #endpoint: Endpoint
  readonly #credentials: CredentialSource
  readonly #requests: RequestWriter
  readonly #http: HttpSender
  readonly #rules: RetryRules
  readonly #peer: TlsPeer
  /** Milliseconds the service's clock is ahead of ours, according to its answers. */
  #clockOffsetMs = 0

  constructor({
    name,
    place = DEFAULT_PLACE,
    options,
    region,
    batchMessages = MAX_BATCH_MESSAGES,
    intervalMs = 0,
    clock,
    random = Math.random,
  }: IotAnalyticsSettings) {
    this.name = name
    this.#peer = tlsPeerAt('endpoint', `${place}.tls`)
    this.batchRule = {
      maxMessages: Math.min(batchMessages, MAX_BATCH_MESSAGES),
      maxBytes: options.maxBatchBytes,
      intervalMs,
      hasDistinctIds: true,
    }
    this.#options = options
    this.#clock = clock
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
    this.#rules = new RetryRules(options.maxAttempts, random)
  }

  async open(): Promise<void> {
    await this.#http.check()
    this.#http.open()
    if (!this.#options.credentials.anonymous) await this.#credentials.open()
  }

  async send(batch: Batch, signal: AbortSignal): Promise<BatchOutcome> {
    // One signal may cancel the sends of all channels; Node would warn from the eleventh listener
    // on.
    setMaxListeners(0, signal)
    const call: Call = {
      batch,
      signal,
      invocationId: randomUUID(),
      retries: this.#rules.begin(),
    }
    try {
      return await this.#perform(call)
    } catch (thrown) {
      if (!signal.aborted) throw thrown
      throw new ConnectorError('Stopping', `${this.#doing(batch)}: it was cancelled`, {
        cause: thrown,
      })
    }
  }

  /**
   * A call without messages. A service that takes the identity answers that there are none, or
   * accepts that.
   */
  async check(signal: AbortSignal): Promise<void> {
    setMaxListeners(0, signal)
    const batch: Batch = { channel: 'check', logId: '', messages: [] }
    const call: Call = { batch, signal, invocationId: randomUUID(), retries: this.#rules.begin() }
    await this.#perform(call)
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  async #perform(call: Call): Promise<BatchOutcome> {
    for (;;) {
      call.signal.throwIfAborted()
      const identity = await this.#identity(call)
      const result = await this.#attempt(call, identity)
      if (!('kind' in result)) {
        call.retries.succeeded()
        return result
      }
      const delayMs = this.#isWorthAnother(result, identity) ? call.retries.next(result) : undefined
      if (delayMs === undefined) return this.#giveUp(call, result)
      await pause(delayMs, { clock: this.#clock, signal: call.signal })
    }
  }

  /** Undefined if requests are sent unsigned. */
  async #identity(call: Call): Promise<AwsIdentity | undefined> {
    if (this.#options.credentials.anonymous) return undefined
    const identity = this.#credentials.current()
    if (!(identity instanceof Promise)) return identity
    const timeoutMs = this.#options.timeout
    const expired = () =>
      new ConnectorError(
        'CredentialsUnavailable',
        `looking for AWS credentials: nothing found within ${timeoutMs} ms`,
      )
    const { signal } = call
    return within(identity, { timeoutMs, expired, clock: this.#clock, signal })
  }

  async #attempt(call: Call, identity: AwsIdentity | undefined): Promise<BatchOutcome | Failure> {
    const { batch, invocationId, retries, signal } = call
    let atMs = Number.NaN
    const makeRequest = () => {
      atMs = this.#clock.now() + this.#clockOffsetMs
      const { progress } = retries
      return this.#requests.write({ batch, invocationId, progress, identity, atMs })
    }
    try {
      const answer = await this.#http.post(makeRequest, signal)
      const outcome = outcomeOf(answer, batch)
      if (outcome !== undefined) return outcome
      const failure = failureOf(answer, atMs)
      if (failure.kind === 'skewed') this.#correctClock(atMs + (failure.skewMs ?? 0))
      return failure
    } catch (thrown) {
      signal.throwIfAborted()
      return failureOnTheWire(thrown, this.#peer)
    }
  }

  /**
   * False if the identity has expired and no other is available. After an answer that the key is
   * wrong, the next call asks for credentials again: an operator may have changed them.
   */
  #isWorthAnother(failure: Failure, identity: AwsIdentity | undefined): boolean {
    if (identity !== undefined && isAboutKey(failure)) this.#credentials.refuse(identity)
    if (failure.kind !== 'expired') return true
    return identity !== undefined && this.#credentials.refuse(identity)
  }

  #correctClock(serverTimeMs: number): void {
    this.#clockOffsetMs = serverTimeMs - this.#clock.now()
  }

  /** The service's own name for a rejection is passed on to the senders unchanged. */
  #giveUp(call: Call, failure: Failure): BatchOutcome {
    const { name, message, cause } = failure
    if (failure.kind === 'refused' && name !== undefined) {
      const refusal = { error: name, message }
      return { rejected: call.batch.messages.map((_, index) => ({ index, refusal })), kept: [] }
    }
    const said = name === undefined ? message : `${name}: ${message}`
    const advice = failure.kind === 'denied' ? DENIED_ADVICE : ''
    const text = `${this.#doing(call.batch)}: ${said}${advice}`
    throw new ConnectorError(codeOf(failure), text, { cause })
  }

  #doing({ channel, messages }: Batch): string {
    if (messages.length === 0) return `calling ${this.#endpoint.origin}`
    return `sending a batch of ${messages.length} from channel ${channel} to ${this.#endpoint.origin}`
  }
}

function codeOf({ kind }: Failure): ErrorCode {
  if (kind === 'refused') return 'DestinationRefused'
  if (kind === 'denied') return 'DestinationDenied'
  return kind === 'expired' ? 'CredentialsUnavailable' : 'DestinationUnavailable'
}

/** Connection refused or reset, host name not found, timeout, invalid certificate, not HTTP. */
function failureOnTheWire(thrown: unknown, peer: TlsPeer): Failure {
  return {
    kind: 'transient',
    name: undefined,
    message: cut(
      tlsMessageOf(thrown) || (systemCodeOf(thrown) ?? String(thrown)),
      MAX_TEXT_CHARACTERS,
    ).concat(tlsAdvice(thrown, peer)),
    retryAfterMs: undefined,
    skewMs: undefined,
    cause: thrown,
  }
}
