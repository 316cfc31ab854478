/**
 * The sessions without a connection, in the order in which they lost it, and which of them ends
 * when there are too many: the one longest offline of the owner that has the most of them. So a
 * client that leaves many sessions behind pushes out its own.
 *
 *     owner     a user, or all anonymous clients of one address
 *     size 1    { valve }  { 192.0.2.7 }
 *     size 2    { pump }
 *     size 900  { load-test }              ◀── the largest
 */
import type { Session } from './session.ts'

interface OfflineLimits {
  readonly maxOfflineSessions: number
  readonly maxOfflineSessionsPerUser: number
}

/** One owner's, in the order in which they lost their connection. */
type Group = Set<Session>

export class OfflineSessions {
  readonly #limits: OfflineLimits
  /** After a restart, those restored come first, in the order in which they expire. */
  readonly #groups = new Map<Session, Group>()
  readonly #byOwner = new Map<string, Group>()
  /** At the index of their size. */
  readonly #bySize: Set<Group>[] = []
  #largest = 0

  constructor(limits: OfflineLimits) {
    this.#limits = limits
  }

  [Symbol.iterator](): MapIterator<Session> {
    return this.#groups.keys()
  }

  /** Returns the session that has to end because there are too many now. */
  add(session: Session): Session | undefined {
    this.delete(session)
    const owner = ownerOf(session)
    const group = (owner !== undefined && this.#byOwner.get(owner)) || new Set()
    if (owner !== undefined) this.#byOwner.set(owner, group)
    this.#groups.set(session, group)
    group.add(session)
    this.#resized(group, group.size - 1)
    const { maxOfflineSessions, maxOfflineSessionsPerUser } = this.#limits
    const isOverOwn = session.userName !== undefined && group.size > maxOfflineSessionsPerUser
    if (isOverOwn) return firstOf(group)
    return this.#groups.size > maxOfflineSessions ? this.#firstOfLargest() : undefined
  }

  delete(session: Session): void {
    const group = this.#groups.get(session)
    if (group === undefined) return
    this.#groups.delete(session)
    group.delete(session)
    this.#resized(group, group.size + 1)
    const owner = ownerOf(session)
    if (group.size === 0 && owner !== undefined) this.#byOwner.delete(owner)
  }

  #resized(group: Group, before: number): void {
    this.#bySize[before]?.delete(group)
    if (group.size > 0) {
      const groups = this.#bySize[group.size] ?? new Set()
      this.#bySize[group.size] = groups
      groups.add(group)
    }
    this.#largest = Math.max(this.#largest, group.size)
    while (this.#largest > 0 && !this.#bySize[this.#largest]?.size) this.#largest--
  }

  #firstOfLargest(): Session | undefined {
    const largest = firstOf(this.#bySize[this.#largest])
    return firstOf(largest)
  }
}

/**
 * The address of an anonymous client is not known after a restart. Until it is back, its session
 * counts alone.
 */
function ownerOf({ userName, address }: Session): string | undefined {
  if (userName !== undefined) return `user ${userName}`
  return address === undefined ? undefined : `address ${address}`
}

function firstOf<Item>(items: Iterable<Item> = []): Item | undefined {
  const [first] = items
  return first
}
