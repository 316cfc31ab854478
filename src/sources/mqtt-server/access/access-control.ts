/** The contract of access control: which clients are let in, and what they may do. */

/** What a connecting client sent about itself, and what its connection shows. */
export interface Claim {
  readonly userName: string | undefined
  readonly password: Buffer | undefined
  /** The name in the client's certificate, which TLS has verified. */
  readonly certificateName: string | undefined
  /** Its IP address, without the port. */
  readonly address: string
  /** Whether the client has disconnected while it waited for the answer. */
  readonly hasLeft: () => boolean
}

export type Denial = 'badCredentials' | 'notAuthorized' | 'tooManyAttempts' | 'busy'

export interface Identity {
  readonly denial?: undefined
  /** Undefined for an anonymous client. */
  readonly userName: string | undefined
  /**
   * What proved the identity; `isCurrent` compares it with the present users. Undefined if that
   * was before the last start.
   */
  readonly proof?: unknown
}

export interface Denied {
  readonly denial: Denial
}

export interface AccessControl {
  /** Never rejects. Returns a promise only if a password has to be checked. */
  identify(claim: Claim): Identity | Denied | Promise<Identity | Denied>
  permissionsOf(userName: string | undefined, clientId: string): Permissions
  /** Whether the client would still be let in. */
  isCurrent(identity: Identity): boolean
}

/** What one client may do. A new one is made when the client connects and when the rules change. */
export interface Permissions {
  /** Costs one map lookup for a topic that was asked about before. */
  mayPublish(topic: string): boolean
  /** `filter` is valid and without `$share/<group>/`. */
  maySubscribe(filter: string): boolean
}

export const everythingPermitted: Permissions = Object.freeze({
  mayPublish: () => true,
  maySubscribe: () => true,
})
