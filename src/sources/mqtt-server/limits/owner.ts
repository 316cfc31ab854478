/**
 * What one user holds of what all clients share. All sessions of a user count together; an
 * anonymous client is an owner of its own.
 *
 * Those who divide a bound among owners keep their counter up to date, and pass it to their
 * `SharedBound`. A counter is a plain field, because some change with every message.
 */
export class Owner {
  /** Undefined for an anonymous client. */
  readonly name: string | undefined
  sessions = 0
  /** QoS 1 and 2 messages that wait for its sessions or are in flight to them. */
  queuedBytes = 0
  /** What the session store keeps of its sessions. */
  storedBytes = 0
  willBytes = 0
  retainedMessages = 0
  retainedBytes = 0

  constructor(name: string | undefined) {
    this.name = name
  }

  get holdsNothing(): boolean {
    return (
      this.sessions === 0 &&
      this.queuedBytes === 0 &&
      this.storedBytes === 0 &&
      this.willBytes === 0 &&
      this.retainedMessages === 0 &&
      this.retainedBytes === 0
    )
  }
}

/** The owners that hold something, by user name. */
export class Owners {
  readonly #named = new Map<string, Owner>()

  /** How many users hold something. */
  get count(): number {
    return this.#named.size
  }

  /**
   * The owner with this user name. Keep the owner only while one of its counters is above 0:
   * otherwise the user may have another one by now. Each anonymous client gets a new owner.
   */
  of(userName: string | undefined): Owner {
    if (userName === undefined) return new Owner(undefined)
    let owner = this.#named.get(userName)
    if (owner === undefined) {
      owner = new Owner(userName)
      this.#named.set(userName, owner)
    }
    return owner
  }

  /** To be called when a counter may have become 0: an owner that holds nothing is forgotten. */
  released(owner: Owner): void {
    if (owner.name === undefined || !owner.holdsNothing) return
    if (this.#named.get(owner.name) === owner) this.#named.delete(owner.name)
  }
}
