/**
 * The sessions of browsers, which can't send a token with every request: an `EventSource` sends no
 * header. A session is a cookie with 256 random bits, held in memory alone, so it ends with the
 * process; and with its token.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { Right } from './right.ts'
import { digestOf } from './token.ts'
import type { Grant } from './tokens.ts'

const ID_BYTES = 32
const MAX_SESSIONS = 64
/** What one token may have of them. */
const MAX_OF_ONE_GRANT = 16
export const IDLE_MS = 12 * 60 * 60 * 1000

export interface Session {
  readonly name: string | null
  readonly rights: readonly Right[]
  /** Aborted when the session ends. */
  readonly ended: AbortSignal
}

/** A response. */
interface Closing {
  once(event: 'close', call: () => void): unknown
}

interface OpenSession extends Session {
  readonly key: string
  /** Of the token that it was opened with. */
  readonly revoked: AbortSignal
  readonly ending: AbortController
  /** Requests that are not answered, such as a stream: with one, the session is in use. */
  requests: number
  /** See `Clock.monotonic`. */
  usedAt: number
}

export class Sessions {
  readonly #clock: Clock
  readonly #random: (bytes: number) => Buffer
  /** By the digest of the id, the one that was used longest ago first. */
  readonly #open = new Map<string, OpenSession>()

  constructor(clock: Clock, random: (bytes: number) => Buffer = randomBytes) {
    this.#clock = clock
    this.#random = random
  }

  get count(): number {
    return this.#open.size
  }

  /** Returns the new session's id. Beyond the bounds, the session that was idle longest ends. */
  begin(grant: Grant): string {
    this.#removeIdle()
    const ofGrant = [...this.#open.values()].filter((session) => session.revoked === grant.revoked)
    if (ofGrant.length >= MAX_OF_ONE_GRANT) this.#end(longestIdle(ofGrant))
    if (this.#open.size >= MAX_SESSIONS) this.#end(longestIdle([...this.#open.values()]))
    const id = this.#random(ID_BYTES).toString('base64url')
    const ending = new AbortController()
    const { name, rights, revoked } = grant
    const session: OpenSession = {
      key: keyOf(id),
      name,
      rights,
      revoked,
      ending,
      ended: ending.signal,
      requests: 0,
      usedAt: this.#clock.monotonic(),
    }
    this.#open.set(session.key, session)
    revoked.addEventListener('abort', () => this.#end(session), {
      once: true,
      signal: ending.signal,
    })
    return id
  }

  /** Undefined if there is no such session, or none any more. It is in use until the answer ends. */
  use(id: string, response: Closing): Session | undefined {
    const session = this.#open.get(keyOf(id))
    if (session === undefined) return undefined
    if (this.#isIdle(session)) {
      this.#end(session)
      return undefined
    }
    session.requests += 1
    this.#touch(session)
    response.once('close', () => {
      session.requests -= 1
      this.#touch(session)
    })
    return session
  }

  end(id: string): void {
    const session = this.#open.get(keyOf(id))
    if (session !== undefined) this.#end(session)
  }

  /** Moves it behind those that were used before. */
  #touch(session: OpenSession): void {
    session.usedAt = this.#clock.monotonic()
    if (this.#open.delete(session.key)) this.#open.set(session.key, session)
  }

  #isIdle({ requests, usedAt }: OpenSession): boolean {
    return requests === 0 && this.#clock.monotonic() - usedAt >= IDLE_MS
  }

  #removeIdle(): void {
    for (const session of [...this.#open.values()]) if (this.#isIdle(session)) this.#end(session)
  }

  #end(session: OpenSession | undefined): void {
    if (session === undefined || !this.#open.delete(session.key)) return
    session.ending.abort()
  }
}

/** The first that nobody uses at the moment, or else the first. */
function longestIdle(sessions: readonly OpenSession[]): OpenSession | undefined {
  return sessions.find(({ requests }) => requests === 0) ?? sessions[0]
}

/** A lookup by the id itself would take longer the more of it is right. */
function keyOf(id: string): string {
  return digestOf(id).toString('hex')
}
