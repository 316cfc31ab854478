/**
 * Tells the store what has to be kept: in its terms, with times by the wall clock. There is one
 * where sessions are kept beyond the process, and none otherwise.
 */
import type { Clock } from '../../../clock.ts'
import { NO_CYCLE } from '../acceptance.ts'
import type { Delivery } from '../outgoing-queue.ts'
import { ownBytes } from '../own-bytes.ts'
import type { Will } from '../packets/connect-packet.ts'
import { encodeProperties, type Properties } from '../packets/properties.ts'
import type { Publication } from '../publication.ts'
import type { SubscriptionOptions } from '../subscriptions.ts'
import type { SessionStore, StoredMessage } from './session-store.ts'

const NO_PROPERTIES = encodeProperties({})
const FOR_EVER = Number.POSITIVE_INFINITY

/** A QoS 2 message of a client's that is not committed yet. */
interface Awaited {
  readonly clientId: string
  readonly packetId: number
  readonly cycle: number
  /** The session's: what it has given up meanwhile is not noted. */
  readonly receivedIds: ReadonlyMap<number, number>
}

export class SessionRecorder {
  readonly store: SessionStore
  readonly #clock: Clock
  /** By cycle, ascending as far as it matters. */
  #awaited: Awaited[] = []

  constructor(store: SessionStore, clock: Clock) {
    this.store = store
    this.#clock = clock
  }

  begin(clientId: string): SessionRecord {
    this.store.note({ kind: 'begun', clientId, lastPacketId: 0 })
    return new SessionRecord(clientId, this)
  }

  /** The record of a session that came out of the store. */
  resume(clientId: string): SessionRecord {
    return new SessionRecord(clientId, this)
  }

  /** The topic's retained message is this one now, or none. */
  retained(publication: Publication, isKept: boolean): void {
    if (isKept && publication.payloadBytes > 0) {
      this.store.note({ kind: 'retained', message: this.stored(publication) })
    } else {
      this.store.note({ kind: 'unretained', topic: publication.topic.name })
    }
  }

  /**
   * A QoS 2 message is noted only when it is committed: noted before and lost with its commit, it
   * would be taken for stored when its client sends it again.
   */
  received(awaited: Awaited): void {
    if (awaited.cycle === NO_CYCLE) this.#noteReceived(awaited)
    else this.#awaited.push(awaited)
  }

  /** All cycles up to this one are over. */
  finished(cycle: number): void {
    if (this.#awaited.length === 0) return
    const awaited = this.#awaited
    this.#awaited = awaited.filter((one) => one.cycle > cycle)
    for (const one of awaited) {
      const isStill = one.receivedIds.get(one.packetId) === one.cycle
      if (one.cycle <= cycle && isStill) this.#noteReceived(one)
    }
  }

  stored(publication: Publication): StoredMessage {
    publication.stored ??= {
      topic: publication.topic.name,
      qos: publication.qos,
      retain: publication.retain,
      properties: storedProperties(publication.forwardedProperties),
      payload: publication.keep().payload,
      expiresAt: this.wallTime(publication.expiresAtMs ?? FOR_EVER),
    }
    return publication.stored
  }

  /** A time of the monotonic clock, in milliseconds since 1970. */
  wallTime(monotonicMs: number): number {
    return Math.round(this.#clock.now() + (monotonicMs - this.#clock.monotonic()))
  }

  #noteReceived({ clientId, packetId }: Awaited): void {
    this.store.note({ kind: 'received', clientId, packetId })
  }
}

function storedProperties(properties: Properties): Buffer {
  const bytes = encodeProperties(properties)
  return bytes.equals(NO_PROPERTIES) ? NO_PROPERTIES : ownBytes(bytes)
}

/** What a session has of its connection. */
export interface ConnectedSettings {
  readonly userName: string | undefined
  readonly expiryIntervalS: number
  readonly will: Will | undefined
}

/** What one session that outlives its connection has to say. */
export class SessionRecord {
  readonly #clientId: string
  readonly #recorder: SessionRecorder

  constructor(clientId: string, recorder: SessionRecorder) {
    this.#clientId = clientId
    this.#recorder = recorder
  }

  connected({ userName, expiryIntervalS, will }: ConnectedSettings): void {
    const stored = will && { ...will, properties: encodeProperties(will.properties) }
    this.#store.note({
      kind: 'connected',
      clientId: this.#clientId,
      userName,
      expiryIntervalS,
      will: stored,
    })
  }

  /** Times by the monotonic clock. */
  disconnected(expiresAtMs: number, willDueAtMs: number): void {
    this.#store.note({
      kind: 'disconnected',
      clientId: this.#clientId,
      expiresAt: this.#recorder.wallTime(expiresAtMs),
      willDueAt: this.#recorder.wallTime(willDueAtMs),
    })
  }

  willPublished(): void {
    this.#store.note({ kind: 'willPublished', clientId: this.#clientId })
  }

  ended(): void {
    this.#store.note({ kind: 'ended', clientId: this.#clientId })
  }

  subscribed(filter: string, options: SubscriptionOptions): void {
    this.#store.note({ kind: 'subscribed', clientId: this.#clientId, filter, options })
  }

  unsubscribed(filter: string): void {
    this.#store.note({ kind: 'unsubscribed', clientId: this.#clientId, filter })
  }

  queued({ sequence, publication, qos, retain, identifiers }: Delivery): void {
    const message = this.#recorder.stored(publication)
    const delivery = { sequence, message, qos, retain, identifiers }
    this.#store.note({ kind: 'queued', clientId: this.#clientId, delivery })
  }

  sent(sequence: number, packetId: number): void {
    this.#store.note({ kind: 'sent', clientId: this.#clientId, sequence, packetId })
  }

  released(packetId: number): void {
    this.#store.note({ kind: 'released', clientId: this.#clientId, packetId })
  }

  settled(packetId: number): void {
    this.#store.note({ kind: 'settled', clientId: this.#clientId, packetId })
  }

  received(packetId: number, cycle: number, receivedIds: ReadonlyMap<number, number>): void {
    this.#recorder.received({ clientId: this.#clientId, packetId, cycle, receivedIds })
  }

  forgotten(packetId: number): void {
    this.#store.note({ kind: 'forgotten', clientId: this.#clientId, packetId })
  }

  get #store(): SessionStore {
    return this.#recorder.store
  }
}
