/**
 * QoS 1 and 2 messages to one subscriber: those waiting, and those in flight until they are
 * acknowledged. Outlives the connection when the session does.
 *
 *     offer ─▶ waiting ─▶ published ──PUBACK──────────────────────▶ gone      (QoS 1)
 *                         published ──PUBREC──▶ released ──PUBCOMP──▶ gone    (QoS 2)
 *
 * Both are bounded; order is kept, also when everything in flight is sent again [MQTT-4.6.0-1].
 */
import type { Publication } from '../topics/publication.ts'
import type { Recipient } from '../topics/subscriptions.ts'

/** One message for this subscriber, with what the subscription makes of it. */
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
  /** A QoS 2 message whose PUBREC has come: now PUBREL is what is sent again. */
  isReleased: boolean
}

export interface QueueLimits {
  readonly maxQueuedMessages: number
  readonly maxQueuedBytes: number
  readonly maxQueuedBytesOfAll: number
}

/** What the queues of all sessions hold together, in flight included. */
export interface QueueTotal {
  bytes: number
}

export class OutgoingQueue {
  readonly #limits: QueueLimits
  readonly #total: QueueTotal
  #waiting: Delivery[] = []
  /** Where the first one waiting stands; those before are gone. */
  #head = 0
  /** Waiting and in flight. */
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

  get waitingCount(): number {
    return this.#waiting.length - this.#head
  }

  /** In the order they were sent. */
  get inflight(): Iterable<[number, Inflight]> {
    return this.#inflight
  }

  /** Returns false, and takes nothing, when the queue is full. */
  offer(delivery: Delivery): boolean {
    const bytes = delivery.publication.heldBytes
    const isFull =
      this.waitingCount >= this.#limits.maxQueuedMessages ||
      this.#bytes + bytes > this.#limits.maxQueuedBytes ||
      this.#total.bytes + bytes > this.#limits.maxQueuedBytesOfAll
    if (isFull) return false
    delivery.publication.keep()
    this.#waiting.push(delivery)
    this.#bytes += bytes
    this.#total.bytes += bytes
    return true
  }

  /** Takes back what was in flight when the process ended, in the order it was sent. */
  restore(packetId: number, delivery: Delivery, isReleased: boolean): void {
    const bytes = delivery.publication.keep().heldBytes
    this.#inflight.set(packetId, { delivery, isReleased })
    this.#bytes += bytes
    this.#total.bytes += bytes
  }

  /** Packet ids go on behind this one. */
  continueAfter(packetId: number): void {
    this.#lastId = packetId
  }

  /** The next one waiting that has not expired. */
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

  /** Puts a message in flight and returns its packet id: one that no other has [MQTT-2.3.1-4]. */
  send(delivery: Delivery): number {
    do {
      this.#lastId = (this.#lastId % 65_535) + 1
    } while (this.#inflight.has(this.#lastId))
    this.#inflight.set(this.#lastId, { delivery, isReleased: false })
    return this.#lastId
  }

  /** The message in flight under `packetId`, if there is one. */
  find(packetId: number): Inflight | undefined {
    return this.#inflight.get(packetId)
  }

  /** Its exchange is complete. Returns whether there was one. */
  settle(packetId: number): boolean {
    const inflight = this.#inflight.get(packetId)
    if (inflight === undefined) return false
    this.#inflight.delete(packetId)
    this.#release(inflight.delivery)
    return true
  }

  /** The session has ended: what it holds counts no more. */
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
