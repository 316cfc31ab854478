/**
 * Authenticates clients by certificate, password file or not at all, and gives them the permissions
 * of the access rules. Data given to `update` applies at once: to new clients, and through
 * `isCurrent` and `permissionsOf` to clients that are connected.
 */
import type { Clock } from '../../../clock.ts'
import { addressGroup } from '../limits/address.ts'
import { TokenBuckets } from '../limits/token-buckets.ts'
import { WorkQueue } from '../limits/work-queue.ts'
import {
  type AccessControl,
  type Claim,
  type Denied,
  everythingPermitted,
  type Identity,
  type Permissions,
} from './access-control.ts'
import { permissionsFor } from './access-list.ts'
import type { AccessRule } from './access-rule.ts'
import { isPassword, isSameHash, NOBODY, type PasswordHash } from './password-hash.ts'
import { RememberedAnswers } from './remembered-answers.ts'
import { RememberedLogins } from './remembered-logins.ts'

/** The contents of the files. */
export interface AccessData {
  /** Undefined when there is no password file. */
  readonly users: ReadonlyMap<string, PasswordHash> | undefined
  /** Undefined when there are no rules: then every client that is let in may do everything. */
  readonly rules: readonly AccessRule[] | undefined
}

export interface AuthenticatorOptions {
  readonly clock: Clock
  /** Whether clients without a user name are let in. */
  readonly admitsAnonymous: boolean
  /** Wrong passwords an address may send at once, and per minute after that. */
  readonly maxFailuresPerMinute: number
  readonly data: AccessData
}

/** The thread pool has four threads; the others stay free for the disk. */
const MAX_RUNNING = 2
/** At 50 ms each, two at a time, the last one waits for about ten seconds. */
const MAX_WAITING = 400
const MAX_REMEMBERED = 10_000
const MAX_ADDRESSES = 10_000
const NO_PASSWORD = Buffer.alloc(0)

const ANONYMOUS: Identity = Object.freeze({ userName: undefined })
const BY_CERTIFICATE = Symbol('certificate')

export class Authenticator implements AccessControl {
  readonly #options: AuthenticatorOptions
  readonly #failures: TokenBuckets
  readonly #queue = new WorkQueue({ maxRunning: MAX_RUNNING, maxWaiting: MAX_WAITING })
  readonly #remembered = new RememberedLogins(MAX_REMEMBERED)
  readonly #answers = new RememberedAnswers()
  #data: AccessData

  constructor(options: AuthenticatorOptions) {
    this.#options = options
    this.#data = options.data
    this.#failures = new TokenBuckets({
      capacity: options.maxFailuresPerMinute,
      perSecond: options.maxFailuresPerMinute / 60,
      maxKeys: MAX_ADDRESSES,
      nowMs: () => options.clock.monotonic(),
    })
  }

  /** A user whose hash is unchanged keeps its connections, and its password stays remembered. */
  update(data: AccessData): void {
    this.#data = { ...data, users: carriedOver(this.#data.users, data.users) }
  }

  identify(claim: Claim): Identity | Denied | Promise<Identity | Denied> {
    const { certificateName, userName, password = NO_PASSWORD } = claim
    if (certificateName !== undefined) return { userName: certificateName, proof: BY_CERTIFICATE }
    const { users } = this.#data
    if (userName === undefined || users === undefined) {
      // A name that was not checked must not become the client's user name.
      return this.#options.admitsAnonymous ? ANONYMOUS : { denial: 'notAuthorized' }
    }
    const known = users.get(userName)
    if (this.#remembered.has(userName, password, known)) return { userName, proof: known }
    if (!this.#failures.has(addressGroup(claim.address))) return { denial: 'tooManyAttempts' }
    if (this.#queue.isFull) return { denial: 'busy' }
    return this.#queue.run(() => this.#check(claim, userName, password, known ?? NOBODY))
  }

  permissionsOf(userName: string | undefined, clientId: string): Permissions {
    const { rules } = this.#data
    return rules === undefined
      ? everythingPermitted
      : permissionsFor(rules, clientId, userName, this.#answers)
  }

  isCurrent({ userName, proof }: Identity): boolean {
    if (userName === undefined || proof === BY_CERTIFICATE) return true
    return proof === this.#data.users?.get(userName)
  }

  async #check(
    claim: Claim,
    userName: string,
    password: Buffer,
    known: PasswordHash,
  ): Promise<Identity | Denied> {
    if (claim.hasLeft()) return { denial: 'busy' }
    const address = addressGroup(claim.address)
    // While it waited, others from its address may have used up all attempts.
    if (!this.#failures.has(address)) return { denial: 'tooManyAttempts' }
    const isRight = await isPassword(password, known).catch(() => undefined)
    // There is not enough memory for scrypt now.
    if (isRight === undefined) return { denial: 'busy' }
    if (isRight) {
      this.#remembered.add(userName, password, known)
      const identity = { userName, proof: known }
      return this.isCurrent(identity) ? identity : { denial: 'badCredentials' }
    }
    this.#failures.take(address)
    return { denial: 'badCredentials' }
  }
}

function carriedOver(before: AccessData['users'], now: AccessData['users']): AccessData['users'] {
  if (before === undefined || now === undefined) return now
  return new Map(
    [...now].map(([name, hash]) => {
      const known = before.get(name)
      return [name, known !== undefined && isSameHash(known, hash) ? known : hash]
    }),
  )
}
