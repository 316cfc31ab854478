/**
 * The last retained message of each topic (section 3.3.1.3). They form a tree by topic level, so
 * that a filter finds its messages without visiting the others. Number and bytes are bounded, and
 * divided among the users who published them: a message that would exceed the bound or its user's
 * share is passed on, but not retained.
 */
import type { Owner } from '../limits/owner.ts'
import { SharedBound } from '../limits/shared-bound.ts'
import type { Publication } from './publication.ts'
import { TopicNode } from './topic-tree.ts'

interface Retained {
  readonly message: Publication
  /** Undefined for messages of the server, and those restored from the store. */
  readonly owner: Owner | undefined
  /** Ascending in the order of `store`. */
  readonly sequence: number
}
type Node = TopicNode<Retained>

export interface RetainedLimits {
  readonly maxRetainedMessages: number
  readonly maxRetainedBytes: number
}

/** With it, one user alone may hold half of the bound. */
const PORTION = 2

export class RetainedMessages {
  readonly #messages: SharedBound
  readonly #bytes: SharedBound
  readonly #onReleased: (owner: Owner) => void
  readonly #root: Node = new TopicNode()
  #sequence = 0

  /** `onReleased` is called when an owner holds less than before. */
  constructor(limits: RetainedLimits, onReleased: (owner: Owner) => void = () => undefined) {
    this.#messages = new SharedBound(limits.maxRetainedMessages, PORTION)
    this.#bytes = new SharedBound(limits.maxRetainedBytes, PORTION)
    this.#onReleased = onReleased
  }

  get count(): number {
    return this.#messages.used
  }

  /**
   * An empty payload removes the topic's message [MQTT-3.3.1-6]. Without an owner, only the bound
   * of all counts. Returns whether there was room.
   */
  store(message: Publication, owner?: Owner): boolean {
    const names = message.topic.name.split('/')
    this.#remove(names)
    if (message.payloadBytes === 0) return true
    if (!this.#hasRoomFor(message.heldBytes, owner)) return false
    this.#root.add(names).value = { message: message.keep(), owner, sequence: this.#sequence++ }
    this.#count(message, owner, 1)
    return true
  }

  /** Finds the messages that `filter` matches and that are retained now, in steps. */
  search(filter: string): RetainedSearch {
    return new RetainedSearch(this.#root, filter.split('/'), this.#sequence)
  }

  #remove(names: readonly string[]): void {
    const node = this.#root.find(names)
    if (node?.value === undefined) return
    const { message, owner } = node.value
    node.value = undefined
    this.#root.prune(names)
    this.#count(message, owner, -1)
    if (owner !== undefined) this.#onReleased(owner)
  }

  #hasRoomFor(bytes: number, owner: Owner | undefined): boolean {
    if (owner === undefined) return this.#messages.hasRoomFor(1) && this.#bytes.hasRoomFor(bytes)
    return (
      this.#messages.allows(owner.retainedMessages, 1) &&
      this.#bytes.allows(owner.retainedBytes, bytes)
    )
  }

  #count({ heldBytes }: Publication, owner: Owner | undefined, sign: 1 | -1): void {
    this.#messages.take(sign)
    this.#bytes.take(sign * heldBytes)
    if (owner === undefined) return
    owner.retainedMessages += sign
    owner.retainedBytes += sign * heldBytes
  }
}

/** A node to visit, and the part of the filter that is compared with its children. */
interface Place {
  readonly node: Node
  readonly depth: number
}

/**
 * A walk through the tree that can be interrupted after each message. A message that is retained or
 * replaced meanwhile is left out: its subscriber gets it as any other message.
 */
export class RetainedSearch {
  readonly #names: readonly string[]
  /** Messages with this number or a higher one came after the search began. */
  readonly #end: number
  readonly #places: Place[]
  #visited = 0

  constructor(root: Node, names: readonly string[], end: number) {
    this.#names = names
    this.#end = end
    this.#places = [{ node: root, depth: 0 }]
  }

  /** The number of nodes visited so far. */
  get visited(): number {
    return this.#visited
  }

  get isDone(): boolean {
    return this.#places.length === 0
  }

  /**
   * The next message that has not expired. Undefined if there is none, or none among the next
   * `maxVisits` nodes: see `isDone`.
   */
  next(nowMs: number, maxVisits = Number.POSITIVE_INFINITY): Publication | undefined {
    const last = this.#visited + maxVisits
    while (this.#visited < last) {
      const place = this.#places.pop()
      if (place === undefined) return undefined
      this.#visited++
      const message = this.#visit(place, nowMs)
      if (message !== undefined) return message
    }
    return undefined
  }

  #visit({ node, depth }: Place, nowMs: number): Publication | undefined {
    const name = this.#names[depth]
    if (name === '#') this.#visitChildren(node, depth)
    else if (name === '+') this.#visitChildren(node, depth + 1)
    else if (name !== undefined) this.#visitChild(node.child(name), depth + 1)
    if (name !== undefined && name !== '#') return undefined
    const found = node.value
    if (found === undefined || found.sequence >= this.#end) return undefined
    return found.message.isExpired(nowMs) ? undefined : found.message
  }

  #visitChildren(node: Node, depth: number): void {
    const isRoot = this.#visited === 1
    for (const [name, child] of node.children()) {
      // [MQTT-4.7.2-1]
      if (!isRoot || !name.startsWith('$')) this.#visitChild(child, depth)
    }
  }

  #visitChild(node: Node | undefined, depth: number): void {
    if (node !== undefined) this.#places.push({ node, depth })
  }
}
