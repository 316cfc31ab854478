/**
 * Calls a service at AWS: signs each attempt, repeats it by the retry rules, and learns the
 * service's time and when credentials have expired.
 *
 *     call ─▶ ┌ identity ─▶ request, signature ─▶ answer ┐ ─▶ result
 *             └───────────── pause ◀── retry rules ◀─────┘
 */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Clock } from '../../clock.ts'
import { connectionAdvice, connectionMessageOf } from '../../connection-errors/advice.ts'
import type { ConnectionPeer } from '../../connection-errors/peer.ts'
import { ConnectorError, type ErrorCode, systemCodeOf } from '../../errors.ts'
import { cut } from '../../shown-text.ts'
import type { Answer, Request } from '../http-client/http-exchange.ts'
import type { HttpSender } from '../http-client/http-sender.ts'
import { pause, within } from '../http-client/wait.ts'
import { failureOf } from './answer.ts'
import type { CredentialSource } from './credentials.ts'
import { type Failure, isAboutKey } from './failure.ts'
import { type CallRetries, RetryRules } from './retry-rules.ts'
import type { AwsIdentity } from './signature.ts'

/** Of an error on the wire, which may quote what the peer sent, such as names in a certificate. */
const MAX_TEXT_CHARACTERS = 1_000

export interface AwsCallerOptions {
  readonly http: HttpSender
  /** Undefined: requests are sent unsigned. */
  readonly credentials: CredentialSource | undefined
  /** Attempts per call, including the first. */
  readonly maxAttempts: number
  /** For one attempt; also for the credentials. */
  readonly timeoutMs: number
  readonly peer: ConnectionPeer
  readonly clock: Clock
  /** In [0, 1): spreads retries. */
  readonly random: () => number
}

/** What a request is made for. */
export interface Attempt {
  /** Undefined if requests are sent unsigned. */
  readonly identity: AwsIdentity | undefined
  /** The time to sign for, milliseconds since 1970. */
  readonly atMs: number
  /** The same for all attempts of one call, so that the service recognizes a repetition. */
  readonly invocationId: string
  /** `attempt=2; max=3` */
  readonly progress: string
}

export interface AwsCall<Result> {
  /** May throw. */
  readonly makeRequest: (attempt: Attempt) => Request
  /** Undefined if the answer is a failure by AWS's usual rules. */
  readonly read: (answer: Answer) => Result | Failure | undefined
  readonly signal: AbortSignal
  /** For people: `sending a batch of 5 messages to …`. */
  readonly doing: () => string
}

export class AwsCaller {
  readonly #options: AwsCallerOptions
  readonly #rules: RetryRules
  /** Milliseconds the service's clock is ahead of ours, according to its answers. */
  #clockOffsetMs = 0

  constructor(options: AwsCallerOptions) {
    this.#options = options
    this.#rules = new RetryRules(options.maxAttempts, options.random)
  }

  /**
   * The result, or why the last attempt failed.
   * @throws {ConnectorError} CredentialsUnavailable, Stopping
   */
  async call<Result extends object>(given: AwsCall<Result>): Promise<Result | Failure> {
    // One signal may cancel the calls of all channels; Node would warn from the eleventh listener
    // on.
    setMaxListeners(0, given.signal)
    try {
      return await this.#perform(given, randomUUID(), this.#rules.begin())
    } catch (thrown) {
      if (!given.signal.aborted) throw thrown
      throw new ConnectorError('Stopping', `${given.doing()}: it was cancelled`, { cause: thrown })
    }
  }

  async #perform<Result extends object>(
    given: AwsCall<Result>,
    invocationId: string,
    retries: CallRetries,
  ): Promise<Result | Failure> {
    const { signal } = given
    for (;;) {
      signal.throwIfAborted()
      const identity = await this.#identity(signal)
      const result = await this.#attempt(given, identity, invocationId, retries.progress)
      if (!isFailure(result)) {
        retries.succeeded()
        return result
      }
      const delayMs = this.#isWorthAnother(result, identity) ? retries.next(result) : undefined
      if (delayMs === undefined) return result
      await pause(delayMs, { clock: this.#options.clock, signal })
    }
  }

  /** Undefined if requests are sent unsigned. */
  async #identity(signal: AbortSignal): Promise<AwsIdentity | undefined> {
    const { credentials, timeoutMs, clock } = this.#options
    const identity = credentials?.current()
    if (!(identity instanceof Promise)) return identity
    const expired = () =>
      new ConnectorError(
        'CredentialsUnavailable',
        `looking for AWS credentials: nothing found within ${timeoutMs} ms`,
      )
    return within(identity, { timeoutMs, expired, clock, signal })
  }

  async #attempt<Result extends object>(
    { makeRequest, read, signal }: AwsCall<Result>,
    identity: AwsIdentity | undefined,
    invocationId: string,
    progress: string,
  ): Promise<Result | Failure> {
    const { http, clock, peer } = this.#options
    let atMs = Number.NaN
    const makeSigned = () => {
      atMs = clock.now() + this.#clockOffsetMs
      return makeRequest({ identity, atMs, invocationId, progress })
    }
    try {
      const answer = await http.send(makeSigned, signal)
      const result = read(answer) ?? failureOf(answer, atMs)
      if (isFailure(result) && result.kind === 'skewed') {
        this.#clockOffsetMs = atMs + (result.skewMs ?? 0) - clock.now()
      }
      return result
    } catch (thrown) {
      signal.throwIfAborted()
      return failureOnTheWire(thrown, peer)
    }
  }

  /**
   * False if the identity has expired and no other is available. After an answer that the key is
   * wrong, the next call asks for credentials again: an operator may have changed them.
   */
  #isWorthAnother(failure: Failure, identity: AwsIdentity | undefined): boolean {
    const { credentials } = this.#options
    if (identity !== undefined && isAboutKey(failure)) credentials?.refuse(identity)
    if (failure.kind !== 'expired') return true
    return identity !== undefined && credentials?.refuse(identity) === true
  }
}

export function isFailure(result: object): result is Failure {
  return 'kind' in result
}

/** The code of an error for a failure that keeps or rejects a whole batch. */
export function codeOf({ kind }: Failure): ErrorCode {
  if (kind === 'refused') return 'DestinationRefused'
  if (kind === 'denied') return 'DestinationDenied'
  return kind === 'expired' ? 'CredentialsUnavailable' : 'DestinationUnavailable'
}

/** Connection refused or reset, host name not found, timeout, invalid certificate, not HTTP. */
function failureOnTheWire(thrown: unknown, peer: ConnectionPeer): Failure {
  return {
    kind: 'transient',
    name: undefined,
    message: cut(
      connectionMessageOf(thrown) || (systemCodeOf(thrown) ?? String(thrown)),
      MAX_TEXT_CHARACTERS,
    ).concat(connectionAdvice(thrown, peer)),
    retryAfterMs: undefined,
    skewMs: undefined,
    cause: thrown,
  }
}
