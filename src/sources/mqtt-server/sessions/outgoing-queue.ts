/**
 * QoS 1 and 2 messages to one subscriber: those that wait, and those in flight until they are
 * acknowledged. The queue belongs to the session and may outlive the connection.
 *
 *     offer ─▶ waiting ─▶ published ──PUBACK──────────────────────▶ removed   (QoS 1)
 *                         published ──PUBREC──▶ released ──PUBCOMP──▶ removed (QoS 2)
 *
 * Both parts are bounded. The order stays when everything in flight is sent again [MQTT-4.6.0-1].
 */
import type { Owner } from '../limits/owner.ts'
import { SharedBound } from '../limits/shared-bound.ts'
import type { Publication } from '../topics/publication.ts'
import type { Recipient } from '../topics/subscriptions.ts'

/** One message for this subscriber, with the QoS and flags that its subscription results in. */
export interface Delivery {
  /** Ascending within the session. */
  readonly sequence: number
  readonly publication: Publication
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly identifiers: Recipient['identifiers']
}

export interface Inflight {
  readonly delivery: Delivery
  /** A QoS 2 message whose PUBREC has arrived: from now on PUBREL is sent again, not PUBLISH. */
  isReleased: boolean
}

export interface QueueLimits {
  readonly maxQueuedMessages: number
  readonly maxQueuedBytes: number
  readonly maxQueuedBytesOfAll: number
}

/**
 * Divides `maxQueuedBytesOfAll` among the owners of sessions, and what an owner may have among its
 * sessions. The owner that holds the most is the first to get no more, and so is the largest queue
 * of an owner. So a subscriber that keeps up always has room, whatever others leave unread.
 */
export class QueueTotal {
  readonly #bound: SharedBound
  /** How much of what its owner may hold one session could hold. */
  readonly #portion: number

  constructor({ maxQueuedBytes, maxQueuedBytesOfAll: max }: QueueLimits) {
    // One user alone may hold half of all.
    this.#bound = new SharedBound(max, 2)
    // A session that is alone may fill its own queue.
    this.#portion = SharedBound.portionFor(max, maxQueuedBytes)
  }

  /** Of all queues, including messages in flight. */
  get bytes(): number {
    return this.#bound.used
  }

  /** Whether a queue that holds `held` may take `more`. */
  allows(owner: Owner, held: number, more: number): boolean {
    const { share } = this.#bound
    const left = share - owner.queuedBytes - more
    if (left < 0) return false
    // A subscriber that keeps up holds nothing when its next message comes, however long that is.
    const portion = held === 0 ? 1 : this.#portion
    return held + more <= (portion * left * left) / share
  }

  /** Whether there is room at all, however much the owner holds. */
  hasRoomFor(more: number): boolean {
    return this.#bound.hasRoomFor(more)
  }

  take(owner: Owner, bytes: number): void {
    owner.queuedBytes += bytes
    this.#bound.take(bytes)
  }

  release(owner: Owner, bytes: number): void {
    owner.queuedBytes -= bytes
    this.#bound.release(bytes)
  }
}

export class OutgoingQueue {
  readonly #limits: QueueLimits
  readonly #total: QueueTotal
  readonly #owner: Owner
  #waiting: Delivery[] = []
  /** The index of the first message that waits; the entries before it have been taken. */
  #head = 0
  /** Of messages that wait and messages in flight. */
  #bytes = 0
  readonly #inflight = new Map<number, Inflight>()
  #lastId = 0

  constructor(limits: QueueLimits, total: QueueTotal, owner: Owner) {
    this.#limits = limits
    this.#total = total
    this.#owner = owner
  }

  get inflightCount(): number {
    return this.#inflight.size
  }

  get isEmpty(): boolean {
    return this.#inflight.size === 0 && this.waitingCount === 0
  }

  get waitingCount(): number {
    return this.#waiting.length - this.#head
  }

  /** In the order in which they were sent. */
  get inflight(): IterableIterator<[number, Inflight]> {
    return this.#inflight.entries()
  }

  hasRoomFor({ heldBytes }: Publication): boolean {
    return this.#fits(heldBytes) && this.#total.allows(this.#owner, this.#bytes, heldBytes)
  }

  /** Returns false if the queue is full; the message is not queued then. */
  offer(delivery: Delivery): boolean {
    if (!this.hasRoomFor(delivery.publication)) return false
    this.#add(delivery)
    return true
  }

  /**
   * The same for a message that waited when the process ended. It was given its room then, so what
   * others hold now does not matter.
   */
  restoreWaiting(delivery: Delivery): boolean {
    const { heldBytes } = delivery.publication
    if (!this.#fits(heldBytes) || !this.#total.hasRoomFor(heldBytes)) return false
    this.#add(delivery)
    return true
  }

  /**
   * Puts a message in flight that was so when the process ended. To be called in the order of
   * sending.
   */
  restore(packetId: number, delivery: Delivery, isReleased: boolean): void {
    const bytes = delivery.publication.keep().heldBytes
    this.#inflight.set(packetId, { delivery, isReleased })
    this.#bytes += bytes
    this.#total.take(this.#owner, bytes)
  }

  /** The next packet id is the one after `packetId`. */
  continueAfter(packetId: number): void {
    this.#lastId = packetId
  }

  /** Takes the next message that waits and has not expired. */
  take(nowMs: number): Delivery | undefined {
    while (this.#head < this.#waiting.length) {
      const delivery = this.#waiting[this.#head++]
      if (delivery === undefined) continue
      this.#compact()
      if (!delivery.publication.isExpired(nowMs)) return delivery
      this.#release(delivery)
    }
    return undefined
  }

  /** Removes messages that wait, and returns them. */
  dropWaiting(isDropped: (delivery: Delivery) => boolean): readonly Delivery[] {
    const dropped: Delivery[] = []
    const kept: Delivery[] = []
    for (const delivery of this.#waiting.slice(this.#head)) {
      if (isDropped(delivery)) dropped.push(delivery)
      else kept.push(delivery)
    }
    if (dropped.length === 0) return dropped
    this.#waiting = kept
    this.#head = 0
    for (const delivery of dropped) this.#release(delivery)
    return dropped
  }

  /** Puts a message in flight and returns its packet id, which no other has [MQTT-2.3.1-4]. */
  send(delivery: Delivery): number {
    do {
      this.#lastId = (this.#lastId % 65_535) + 1
    } while (this.#inflight.has(this.#lastId))
    this.#inflight.set(this.#lastId, { delivery, isReleased: false })
    return this.#lastId
  }

  /** The message in flight with this packet id. */
  find(packetId: number): Inflight | undefined {
    return this.#inflight.get(packetId)
  }

  /** The exchange of a message is complete. Returns whether the packet id was in flight. */
  complete(packetId: number): boolean {
    const inflight = this.#inflight.get(packetId)
    if (inflight === undefined) return false
    this.#inflight.delete(packetId)
    this.#release(inflight.delivery)
    return true
  }

  /** The session has ended: its messages no longer count towards the total. */
  clear(): void {
    this.#total.release(this.#owner, this.#bytes)
    this.#bytes = 0
    this.#waiting = []
    this.#head = 0
    this.#inflight.clear()
  }

  #fits(bytes: number): boolean {
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits
    return this.waitingCount < maxQueuedMessages && this.#bytes + bytes <= maxQueuedBytes
  }

  #add(delivery: Delivery): void {
    const { heldBytes } = delivery.publication.keep()
    this.#waiting.push(delivery)
    this.#bytes += heldBytes
    this.#total.take(this.#owner, heldBytes)
  }

  #release({ publication }: Delivery): void {
    const { heldBytes } = publication
    this.#bytes -= heldBytes
    this.#total.release(this.#owner, heldBytes)
  }

  #compact(): void {
    if (this.#head === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
    } else if (this.#head >= 1_024) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
  }
}
