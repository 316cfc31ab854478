/**
 * Remembers passwords that were right, so that a device that reconnects costs no scrypt. After a
 * network failure a whole fleet reconnects at once.
 *
 * Only keyed hashes are kept. Without the key, which never leaves the process, they are of no use
 * for guessing passwords.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { PasswordHash } from './password-hash.ts'

const KEY_BYTES = 32

export class RememberedLogins {
  readonly #maxLogins: number
  readonly #key = randomBytes(KEY_BYTES)
  /** In the order they were added; when it is full, the oldest is removed. */
  readonly #proofs = new Map<string, PasswordHash>()

  constructor(maxLogins: number) {
    this.#maxLogins = maxLogins
  }

  /** Whether this password was found right before, by comparing it with `known`. */
  has(userName: string, password: Buffer, known: PasswordHash | undefined): boolean {
    if (known === undefined || this.#proofs.size === 0) return false
    return this.#proofs.get(this.#proofOf(userName, password)) === known
  }

  add(userName: string, password: Buffer, known: PasswordHash): void {
    const [oldest] = this.#proofs.keys()
    if (this.#proofs.size >= this.#maxLogins && oldest !== undefined) this.#proofs.delete(oldest)
    this.#proofs.set(this.#proofOf(userName, password), known)
  }

  #proofOf(userName: string, password: Buffer): string {
    const mac = createHmac('sha256', this.#key).update(`${Buffer.byteLength(userName)}:${userName}`)
    return mac.update(password).digest('base64')
  }
}
