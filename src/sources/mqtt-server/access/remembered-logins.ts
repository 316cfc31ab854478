/**
 * Remembers passwords that were right, so that a device that reconnects costs no scrypt. After a
 * network failure a whole fleet reconnects at once.
 *
 * Only keyed hashes are kept. Without the key, which never leaves the process, they are of no use
 * for guessing passwords.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { PasswordHash } from './password-hash.ts'

interface Login {
  readonly known: PasswordHash
  readonly proof: Buffer
}

/** `unknown`: no password of this user has been right yet. */
export type Comparison = 'right' | 'wrong' | 'unknown'

const KEY_BYTES = 32
const NO_PROOF = Buffer.alloc(32)

export class RememberedLogins {
  readonly #maxLogins: number
  readonly #key = randomBytes(KEY_BYTES)
  /** By user name, in the order they were added; when it is full, the oldest is removed. */
  readonly #logins = new Map<string, Login>()

  constructor(maxLogins: number) {
    this.#maxLogins = maxLogins
  }

  /**
   * Compares the password with the one that was right before for `known`. Takes the same time for
   * every user name, whether it exists or not.
   */
  compare(userName: string, password: Buffer, known: PasswordHash | undefined): Comparison {
    const login = this.#logins.get(userName)
    const isEqual = timingSafeEqual(this.#proofOf(userName, password), login?.proof ?? NO_PROOF)
    if (login === undefined || login.known !== known) return 'unknown'
    return isEqual ? 'right' : 'wrong'
  }

  add(userName: string, password: Buffer, known: PasswordHash): void {
    this.#logins.delete(userName)
    const [oldest] = this.#logins.keys()
    if (this.#logins.size >= this.#maxLogins && oldest !== undefined) this.#logins.delete(oldest)
    this.#logins.set(userName, { known, proof: this.#proofOf(userName, password) })
  }

  /** A number below `count` that is always the same for a name, and can't be guessed. */
  pick(userName: string, count: number): number {
    return createHmac('sha256', this.#key).update(userName).digest().readUInt32BE(0) % count
  }

  #proofOf(userName: string, password: Buffer): Buffer {
    const mac = createHmac('sha256', this.#key).update(`${Buffer.byteLength(userName)}:${userName}`)
    return mac.update(password).digest()
  }
}
