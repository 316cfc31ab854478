/** What `nsc` makes for a server whose users have JWTs: an operator, accounts, and credentials. */
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys'

export interface JwtSite {
  /** Lines for the server's configuration. */
  readonly config: string
  /** A credentials file of a new user of the account. */
  credentials(given?: { readonly expiresAt?: number; readonly isKnown?: boolean }): string
}

const UNLIMITED = { subs: -1, data: -1, payload: -1 }
const ACCOUNT_LIMITS = {
  ...UNLIMITED,
  ...{ imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
}

export function makeJwtSite(): JwtSite {
  const operator = createOperator()
  const system = createAccount()
  const account = createAccount()
  const accountClaims = { type: 'account', version: 2, limits: ACCOUNT_LIMITS }
  const systemLimits = { ...ACCOUNT_LIMITS, mem_storage: 0, disk_storage: 0 }
  const config = `operator: ${jwtOf(operator, operator, { type: 'operator', version: 2 })}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: {
  ${system.getPublicKey()}: ${jwtOf(operator, system, { ...accountClaims, limits: systemLimits })}
  ${account.getPublicKey()}: ${jwtOf(operator, account, accountClaims)}
}`
  return {
    config,
    credentials({ expiresAt, isKnown = true } = {}) {
      const user = createUser()
      const claims = { type: 'user', version: 2, pub: {}, sub: {}, ...UNLIMITED }
      const issuer = isKnown ? account : createAccount()
      const jwt = jwtOf(issuer, user, claims, expiresAt)
      const seed = Buffer.from(user.getSeed()).toString()
      return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`
    },
  }
}

/** @param expiresAt in seconds since 1970 */
function jwtOf(issuer: KeyPair, subject: KeyPair, nats: object, expiresAt?: number): string {
  const claims = {
    jti: subject.getPublicKey(),
    iat: Math.floor(Date.now() / 1_000) - 60,
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: 'test',
    ...(expiresAt !== undefined && { exp: expiresAt }),
    nats,
  }
  const text = [{ typ: 'JWT', alg: 'ed25519-nkey' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}
