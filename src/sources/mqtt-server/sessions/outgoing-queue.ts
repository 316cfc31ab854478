/**
 * QoS 1 and 2 messages to one subscriber: those that wait, and those in flight until they are
 * acknowledged. The queue belongs to the session and may outlive the connection.
 *
 *     offer ─▶ waiting ─▶ published ──PUBACK──────────────────────▶ removed   (QoS 1)
 *                         published ──PUBREC──▶ released ──PUBCOMP──▶ removed (QoS 2)
 *
 * Both parts are bounded. The order stays when everything in flight is sent again [MQTT-4.6.0-1].
 */
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

/** The bytes in the queues of all sessions, including messages in flight. */
export interface QueueTotal {
  bytes: number
}

export class OutgoingQueue {
  readonly #limits: QueueLimits
  readonly #total: QueueTotal
  #waiting: Delivery[] = []
  /** The index of the first message that waits; the entries before it have been taken. */
  #head = 0
  /** Of messages that wait and messages in flight. */
  #bytes = 0
  readonly #inflight = new Map<number, Inflight>()
  #lastId = 0

  constructor(limits: QueueLimits, total: QueueTotal) {
    this.#limits = limits
    this.#total = total
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
  get inflight(): Iterable<[number, Inflight]> {
    return this.#inflight
  }

  hasRoomFor({ heldBytes }: Publication): boolean {
    return (
      this.waitingCount < this.#limits.maxQueuedMessages &&
      this.#bytes + heldBytes <= this.#limits.maxQueuedBytes &&
      this.#total.bytes + heldBytes <= this.#limits.maxQueuedBytesOfAll
    )
  }

  /** Returns false if the queue is full; the message is not queued then. */
  offer(delivery: Delivery): boolean {
    if (!this.hasRoomFor(delivery.publication)) return false
    const bytes = delivery.publication.heldBytes
    delivery.publication.keep()
    this.#waiting.push(delivery)
    this.#bytes += bytes
    this.#total.bytes += bytes
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
    this.#total.bytes += bytes
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
    this.#total.bytes -= this.#bytes
    this.#bytes = 0
    this.#waiting = []
    this.#head = 0
    this.#inflight.clear()
  }

  #release({ publication }: Delivery): void {
    this.#bytes -= publication.heldBytes
    this.#total.bytes -= publication.heldBytes
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
