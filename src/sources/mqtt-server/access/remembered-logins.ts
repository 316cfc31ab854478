/**
 * Passwords that were right, so that a device that comes back costs no scrypt: a whole fleet does
 * when the hub restarts its network. Neither passwords nor anything to guess them from faster is
 * kept without the key, which never leaves the process.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { PasswordHash } from './password-hash.ts'

const KEY_BYTES = 32

export class RememberedLogins {
  readonly #maxLogins: number
  readonly #key = randomBytes(KEY_BYTES)
  /** In the order they were made; the oldest makes room. */
  readonly #proofs = new Map<string, PasswordHash>()

  constructor(maxLogins: number) {
    this.#maxLogins = maxLogins
  }

  /** Whether this password was right before, and `known` is what it was compared with. */
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
