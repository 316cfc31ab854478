/**
 * Codes that open one session in a browser. The command `dashboard` gets one over the socket and
 * prints it behind the `#` of an address, which browsers never send, so it stands in no log.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { digestOf } from './token.ts'
import type { Grant } from './tokens.ts'

const CODE_BYTES = 32
/** Codes that wait to be used; beyond them the oldest is forgotten. */
const MAX_CODES = 16
export const CODE_MS = 60_000

interface WaitingCode {
  readonly grant: Grant
  /** See `Clock.monotonic`. */
  readonly endsAt: number
}

export class LoginCodes {
  readonly #clock: Clock
  readonly #random: (bytes: number) => Buffer
  /** By the code's digest, the oldest first. */
  readonly #waiting = new Map<string, WaitingCode>()

  constructor(clock: Clock, random: (bytes: number) => Buffer = randomBytes) {
    this.#clock = clock
    this.#random = random
  }

  make(grant: Grant): string {
    const [oldest] = this.#waiting.keys()
    if (oldest !== undefined && this.#waiting.size >= MAX_CODES) this.#waiting.delete(oldest)
    const code = this.#random(CODE_BYTES).toString('base64url')
    this.#waiting.set(keyOf(code), { grant, endsAt: this.#clock.monotonic() + CODE_MS })
    return code
  }

  /** Who may open a session with the code. It is used up. */
  take(code: string): Grant | undefined {
    const key = keyOf(code)
    const found = this.#waiting.get(key)
    this.#waiting.delete(key)
    if (found === undefined || this.#clock.monotonic() >= found.endsAt) return undefined
    return found.grant.revoked.aborted ? undefined : found.grant
  }
}

function keyOf(code: string): string {
  return digestOf(code).toString('hex')
}
