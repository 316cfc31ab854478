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
import { FamiliarLogins } from './familiar-logins.ts'
import {
  isPassword,
  isSameHash,
  MAX_PASSWORD_BYTES,
  NOBODY,
  type PasswordHash,
} from './password-hash.ts'
import { RememberedAnswers } from './remembered-answers.ts'
import { type Comparison, RememberedLogins } from './remembered-logins.ts'

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
  /** Whether there may be users that the password file does not have. */
  readonly admitsCertificates?: boolean
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
/**
 * Wrong passwords for one user from all addresses, at once and per minute after that. Beyond them
 * its password is not compared with the remembered one but checked like any other, which is slow.
 */
const MAX_FAST_GUESSES = 60
const MAX_USER_NAME_BYTES = 1_024
const NO_PASSWORD = Buffer.alloc(0)

const ANONYMOUS: Identity = Object.freeze({ userName: undefined })
const BY_CERTIFICATE = Symbol('certificate')

export class Authenticator implements AccessControl {
  readonly #options: AuthenticatorOptions
  readonly #failures: TokenBuckets
  readonly #queue = new WorkQueue({ maxRunning: MAX_RUNNING, maxWaiting: MAX_WAITING })
  readonly #remembered = new RememberedLogins(MAX_REMEMBERED)
  readonly #answers = new RememberedAnswers()
  /** Wrong passwords for users whose password is remembered. */
  readonly #fastGuesses: TokenBuckets
  readonly #familiar: FamiliarLogins
  #data: AccessData
  /** Of all users: the password of an unknown user is compared with one of them. */
  #hashes: readonly PasswordHash[] = []

  constructor(options: AuthenticatorOptions) {
    this.#options = options
    const { clock, maxFailuresPerMinute } = options
    const perMinute = (capacity: number, maxKeys: number) =>
      new TokenBuckets({
        capacity,
        perSecond: capacity / 60,
        maxKeys,
        nowMs: () => clock.monotonic(),
      })
    this.#failures = perMinute(maxFailuresPerMinute, MAX_ADDRESSES)
    this.#fastGuesses = perMinute(MAX_FAST_GUESSES, MAX_REMEMBERED)
    this.#familiar = new FamiliarLogins(clock)
    this.#data = options.data
    this.update(options.data)
  }

  /** A user whose hash is unchanged keeps its connections, and its password stays remembered. */
  update(data: AccessData): void {
    this.#data = { ...data, users: carriedOver(this.#data.users, data.users) }
    this.#hashes = [...(this.#data.users?.values() ?? [])]
  }

  identify(claim: Claim): Identity | Denied | Promise<Identity | Denied> {
    const { certificateName, userName, password = NO_PASSWORD } = claim
    if (certificateName !== undefined) return { userName: certificateName, proof: BY_CERTIFICATE }
    const { users } = this.#data
    if (userName === undefined || users === undefined) {
      // A name that was not checked must not become the client's user name.
      return this.#options.admitsAnonymous ? ANONYMOUS : { denial: 'notAuthorized' }
    }
    if (Buffer.byteLength(userName) > MAX_USER_NAME_BYTES || password.length > MAX_PASSWORD_BYTES) {
      return { denial: 'badCredentials' }
    }
    const known = users.get(userName)
    const remembered = this.#remembered.compare(userName, password, known)
    const address = addressGroup(claim.address)
    const isLocked = !this.#failures.has(address)
    if (remembered === 'right' && this.#mayUseRemembered(address, userName, isLocked)) {
      this.#familiar.add(address, userName)
      return { userName, proof: known }
    }
    // It counts before anything waits, so that no number of guesses at once can exceed the limit.
    if (remembered === 'wrong') this.#countWrong(address, userName)
    if (isLocked) return { denial: 'tooManyAttempts' }
    if (this.#queue.isFull) return { denial: 'busy' }
    return this.#queue.run(() => this.#check({ claim, address, userName, password, remembered }))
  }

  permissionsOf(userName: string | undefined, clientId: string): Permissions {
    const { rules } = this.#data
    return rules === undefined
      ? everythingPermitted
      : permissionsFor(rules, clientId, userName, this.#answers)
  }

  isCurrent({ userName, proof }: Identity): boolean {
    if (userName === undefined || proof === BY_CERTIFICATE) return true
    const known = this.#data.users?.get(userName)
    if (proof !== undefined) return proof === known
    return known !== undefined || this.#options.admitsCertificates === true
  }

  /**
   * Whether a user may be let in because its password was right before. That must not tell wrong
   * passwords from the right one faster than the limits allow.
   */
  #mayUseRemembered(address: string, userName: string, isLocked: boolean): boolean {
    if (this.#familiar.has(address, userName)) return true
    return !isLocked && this.#fastGuesses.has(userName)
  }

  #countWrong(address: string, userName: string): void {
    this.#failures.take(address)
    this.#fastGuesses.take(userName)
    this.#familiar.countWrong(address, userName)
  }

  async #check(login: Login): Promise<Identity | Denied> {
    const { claim, address, userName, password, remembered } = login
    if (claim.hasLeft()) return { denial: 'busy' }
    // While it waited, others from its address may have used up all attempts. A wrong password that
    // has been counted is checked in any case: its answer must take as long as any other.
    if (remembered !== 'wrong' && !this.#failures.has(address)) return { denial: 'tooManyAttempts' }
    const known = this.#data.users?.get(userName)
    const isRight = await isPassword(password, known ?? this.#standIn(userName)).catch(
      () => undefined,
    )
    // There is not enough memory for scrypt now.
    if (isRight === undefined) return { denial: 'busy' }
    if (isRight && known !== undefined) {
      this.#remembered.add(userName, password, known)
      this.#familiar.add(address, userName)
      const identity = { userName, proof: known }
      return this.isCurrent(identity) ? identity : { denial: 'badCredentials' }
    }
    if (remembered !== 'wrong') this.#failures.take(address)
    return { denial: 'badCredentials' }
  }

  /**
   * What an unknown user's password is compared with. It costs as much as that of some user, always
   * of the same one, so the time does not tell which users exist.
   */
  #standIn(userName: string): PasswordHash {
    const index =
      this.#hashes.length === 0 ? 0 : this.#remembered.pick(userName, this.#hashes.length)
    return this.#hashes[index] ?? NOBODY
  }
}

/** A password to check. */
interface Login {
  readonly claim: Claim
  readonly address: string
  readonly userName: string
  readonly password: Buffer
  readonly remembered: Comparison
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
