/**
 * Who a token belongs to. Tokens that the command `token` makes cannot be guessed. `http.token` is
 * chosen by a person, so an address has five guesses a minute; after them it is not compared. Other
 * tokens still are: nobody can keep their owners out by guessing from the same address.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { addressGroup } from '../../sources/mqtt-server/limits/address.ts'
import { TokenBuckets } from '../../sources/mqtt-server/limits/token-buckets.ts'
import { RequestError } from '../requests/request-error.ts'
import { ALL_RIGHTS, type Right } from './right.ts'
import { digestOf } from './token.ts'
import type { StoredToken } from './token-file.ts'

const GUESSES_PER_MINUTE = 5
const RETRY_AFTER_S = 60 / GUESSES_PER_MINUTE
/** Addresses that are remembered; beyond them the one that guessed longest ago is forgotten. */
const MAX_ADDRESSES = 10_000

/** A token as it is now in the settings. */
export interface Grant {
  /** Null for `http.token`. */
  readonly name: string | null
  readonly rights: readonly Right[]
  /** Aborted when the token is not valid any more, or has other rights. */
  readonly revoked: AbortSignal
}

interface KnownToken extends Grant {
  /** Of everything that must stay the same for the token to go on. */
  readonly identity: string
  readonly digest: Buffer
  readonly isGuessable: boolean
  readonly revocation: AbortController
}

export class Tokens {
  readonly #guesses: TokenBuckets
  #known: readonly KnownToken[] = []

  constructor(clock: Clock) {
    this.#guesses = new TokenBuckets({
      capacity: GUESSES_PER_MINUTE,
      perSecond: GUESSES_PER_MINUTE / 60,
      maxKeys: MAX_ADDRESSES,
      nowMs: () => clock.monotonic(),
    })
  }

  get isEmpty(): boolean {
    return this.#known.length === 0
  }

  /** Replaces all tokens. Those that stay the same go on; the others are revoked. */
  use(chosen: string | undefined, stored: readonly StoredToken[]): void {
    const before = new Map(this.#known.map((token) => [token.identity, token]))
    const fresh = stored.map(({ name, right, digest }) => knownToken(name, right, digest, false))
    if (chosen !== undefined) fresh.push(knownToken(null, 'operate', digestOf(chosen), true))
    this.#known = fresh.map((token) => before.get(token.identity) ?? token)
    const left = new Set(this.#known)
    for (const token of before.values()) if (!left.has(token)) token.revocation.abort()
  }

  /** @throws {RequestError} 401 for a wrong token, 429 after too many from this address. */
  find(given: string, remoteAddress: string | undefined): Grant {
    const address = addressGroup(remoteAddress ?? '')
    const mayGuess = this.#guesses.has(address)
    const digest = digestOf(given)
    let found: KnownToken | undefined
    // Every token is compared, so that the time does not say which one is near.
    for (const token of this.#known) {
      const isSame = timingSafeEqual(digest, token.digest)
      if (isSame && (mayGuess || !token.isGuessable)) found = token
    }
    if (found !== undefined) return found
    throw this.wrong(remoteAddress, 'The token is wrong, or it was revoked.')
  }

  /** Counts a wrong guess, and says what to answer. */
  wrong(remoteAddress: string | undefined, message: string): RequestError {
    if (this.#guesses.take(addressGroup(remoteAddress ?? ''))) {
      return new RequestError(401, 'NotAuthorized', message)
    }
    return new RequestError(
      429,
      'TooManyGuesses',
      `Too many wrong tokens came from this address. Try again in ${RETRY_AFTER_S} s.`,
      RETRY_AFTER_S,
    )
  }
}

function knownToken(
  name: string | null,
  right: Right,
  digest: Buffer,
  isGuessable: boolean,
): KnownToken {
  const revocation = new AbortController()
  return {
    name,
    rights: right === 'operate' ? ALL_RIGHTS : ['view'],
    identity: `${name} ${right} ${digest.toString('hex')}`,
    digest,
    isGuessable,
    revocation,
    revoked: revocation.signal,
  }
}
