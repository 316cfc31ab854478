/**
 * Sessions by user and client id. Client ids are chosen by clients, so each user has client ids of
 * its own, and anonymous clients share those without a user.
 */

/** Which session. */
export interface SessionName {
  readonly clientId: string
  /** Left out for an anonymous client. */
  readonly userName?: string | undefined
}

export class SessionsByName<Kept extends SessionName> {
  readonly #byUser = new Map<string | undefined, Map<string, Kept>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(clientId: string, userName?: string): Kept | undefined {
    return this.#byUser.get(userName)?.get(clientId)
  }

  set(session: Kept): void {
    const { clientId, userName } = session
    let sessions = this.#byUser.get(userName)
    if (sessions === undefined) {
      sessions = new Map()
      this.#byUser.set(userName, sessions)
    }
    if (!sessions.has(clientId)) this.#size++
    sessions.set(clientId, session)
  }

  /** Whether there was one. */
  delete({ clientId, userName }: SessionName): boolean {
    const sessions = this.#byUser.get(userName)
    if (sessions === undefined || !sessions.delete(clientId)) return false
    if (sessions.size === 0) this.#byUser.delete(userName)
    this.#size--
    return true
  }

  *values(): Generator<Kept> {
    for (const sessions of this.#byUser.values()) yield* sessions.values()
  }
}
