/** Who comes in, and what they may do. The answers are the operator's, not ours. */
import { everythingPermitted, type Permissions } from './permissions.ts'

/** What a client that connects says of itself, and what its connection says of it. */
export interface Claim {
  readonly userName: string | undefined
  readonly password: Buffer | undefined
  /** The name in the client's certificate, which TLS has checked. */
  readonly certificateName: string | undefined
  /** Its internet address, without the port. */
  readonly address: string
  /** Whether the client has left before it had its answer. */
  readonly hasLeft: () => boolean
}

export type Denial = 'badCredentials' | 'notAuthorized' | 'tooManyAttempts' | 'busy'

export interface Identity {
  readonly denial?: undefined
  /** Undefined for an anonymous client. */
  readonly userName: string | undefined
  /** What proved it; `isCurrent` of the access control tells whether it still would. */
  readonly proof?: unknown
}

export interface Denied {
  readonly denial: Denial
}

export interface AccessControl {
  /** Never rejects. A promise only where there is work to do. */
  identify(claim: Claim): Identity | Denied | Promise<Identity | Denied>
  permissionsOf(userName: string | undefined, clientId: string): Permissions
  /** Whether the client would still be let in. */
  isCurrent(identity: Identity): boolean
}

const ANYBODY: Identity = Object.freeze({ userName: undefined })

export const everythingAllowed: AccessControl = {
  identify: () => ANYBODY,
  permissionsOf: () => everythingPermitted,
  isCurrent: () => true,
}
