/**
 * Provides the identity that requests are signed with: from the options, or from the AWS SDK's
 * chain, which is loaded only when needed and asked again before its last identity expires.
 */
import type { Clock } from '../../clock.ts'
import { ConnectorError, messageOf } from '../../errors.ts'
import type { AwsCredentialsOptions } from './options.ts'
import type { AwsIdentity } from './signature.ts'

/** How long before they expire temporary credentials are renewed, as in the SDK. */
const RENEW_BEFORE_MS = 5 * 60_000

type Chain = (ask: { readonly forceRefresh: boolean }) => Promise<AwsIdentity>

export class CredentialSource {
  readonly #options: AwsCredentialsOptions
  readonly #region: string
  readonly #clock: Clock
  #chain: Chain | undefined
  #identity: AwsIdentity | undefined
  #renewal: Promise<AwsIdentity> | undefined
  #wasRefused = false

  constructor(
    options: AwsCredentialsOptions,
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
   * The identity to sign with now. Returns a promise only if the chain has to be asked. It may take
   * as long as the chain does, so the caller must bound the wait.
   * @throws {ConnectorError} CredentialsUnavailable
   */
  current(): AwsIdentity | Promise<AwsIdentity> {
    const held = this.#identity
    if (held === undefined) return this.#renewed()
    const expiresAt = held.expiration?.getTime() ?? Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    if (expiresAt - RENEW_BEFORE_MS > now) return held
    if (expiresAt <= now) return this.#renewed()
    // It is valid for some minutes, so renew it in the background; calls do not see a failure.
    this.#renewed().catch(() => {})
    return held
  }

  /**
   * The service said that `identity` has expired: the chain is asked again before the next attempt.
   * Returns false if the identity comes from the options and can't be renewed.
   */
  refuse(identity: AwsIdentity): boolean {
    if (this.#chain === undefined) return false
    if (identity === this.#identity) {
      this.#identity = undefined
      this.#wasRefused = true
    }
    return true
  }

  #renewed(): Promise<AwsIdentity> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  async #renew(): Promise<AwsIdentity> {
    if (this.#chain === undefined) throw unavailable('the destination is not open')
    // The chain caches its identity; without force it would return the expiring one again.
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
