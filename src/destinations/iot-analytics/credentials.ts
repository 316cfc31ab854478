/**
 * Where signing identities come from: the options, or the AWS SDK's chain, which is loaded only
 * when it is needed and asked again before what it gave expires.
 */
import type { Clock } from '../../clock.ts'
import { ConnectorError, messageOf } from '../../errors.ts'
import type { IotAnalyticsOptions } from './options.ts'
import type { Identity } from './signing.ts'

/** Temporary credentials are renewed this long before they expire, as the SDK does. */
const RENEW_BEFORE_MS = 5 * 60_000

type Chain = (ask: { readonly forceRefresh: boolean }) => Promise<Identity>

export class CredentialSource {
  readonly #options: IotAnalyticsOptions['credentials']
  readonly #region: string
  readonly #clock: Clock
  #chain: Chain | undefined
  #identity: Identity | undefined
  #renewal: Promise<Identity> | undefined
  #wasRefused = false

  constructor(
    options: IotAnalyticsOptions['credentials'],
    context: { readonly region: string; readonly clock: Clock },
  ) {
    this.#options = options
    this.#region = context.region
    this.#clock = context.clock
  }

  async open(): Promise<void> {
    if (this.#chain !== undefined) return
    const { accessKeyId, secretAccessKey, sessionToken, profile } = this.#options
    if (accessKeyId !== undefined && secretAccessKey !== undefined) {
      this.#identity = { accessKeyId, secretAccessKey, sessionToken }
      return
    }
    const { default: aws } = await import('@aws-sdk/credential-provider-node')
    this.#chain = aws.defaultProvider({
      clientConfig: { region: this.#region },
      ...(profile === undefined ? {} : { profile }),
    })
  }

  /**
   * The identity to sign with now. A promise only when it has to be looked for, which may take as
   * long as the chain does: whoever waits bounds the wait.
   * @throws {ConnectorError} CredentialsUnavailable
   */
  current(): Identity | Promise<Identity> {
    const held = this.#identity
    if (held === undefined) return this.#renewed()
    const expiresAt = held.expiration?.getTime() ?? Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    if (expiresAt - RENEW_BEFORE_MS > now) return held
    if (expiresAt <= now) return this.#renewed()
    // Good for some minutes yet: renewed behind the back of calls, which a failure does not concern.
    this.#renewed().catch(() => {})
    return held
  }

  /**
   * The service said that `identity` has expired: another is looked for before the next attempt.
   * False when there is only the one that was configured.
   */
  refuse(identity: Identity): boolean {
    if (this.#chain === undefined) return false
    if (identity === this.#identity) {
      this.#identity = undefined
      this.#wasRefused = true
    }
    return true
  }

  #renewed(): Promise<Identity> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  async #renew(): Promise<Identity> {
    if (this.#chain === undefined) throw unavailable('the destination is not open')
    // The chain keeps what it found; without force it would give the expiring identity once more.
    const forceRefresh = this.#wasRefused || this.#identity !== undefined
    try {
      this.#identity = await this.#chain({ forceRefresh })
      this.#wasRefused = false
      return this.#identity
    } catch (thrown) {
      throw unavailable(messageOf(thrown), thrown)
    }
  }
}

function unavailable(reason: string, cause?: unknown): ConnectorError {
  return new ConnectorError(
    'CredentialsUnavailable',
    `looking for AWS credentials: ${reason}. Set them in the environment, in the shared AWS files or as "credentials" of the destination; set credentials.anonymous for an endpoint that asks for none`,
    { cause },
  )
}
