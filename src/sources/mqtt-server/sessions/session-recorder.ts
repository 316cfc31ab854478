/**
 * Writes changes to sessions and retained messages to the store, with times of the wall clock. It
 * exists only if sessions are kept beyond the process.
 */

import type { Clock } from '../../../clock.ts'
import { NO_CYCLE } from '../../source.ts'
import type { Will } from '../packets/connect-packet.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import type { PersistedMessage } from '../topics/persisted-message.ts'
import type { Publication } from '../topics/publication.ts'
import type { Delivery } from './outgoing-queue.ts'
import type { SessionChange } from './store/session-change.ts'
import type { SessionStore } from './store/session-store.ts'
import type { SessionName } from './store/sessions-by-name.ts'

const NEVER = Number.POSITIVE_INFINITY

export class SessionRecorder {
  /** How many changes there have been that an answer may have to wait for. */
  changeCount = 0
  /** The cycle that the last of these changes becomes durable with. */
  changedIn = NO_CYCLE
  readonly #store: SessionStore
  readonly #clock: Clock

  constructor(store: SessionStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Whether the store fails, so that what waits for a session would not survive the process. */
  get isFailing(): boolean {
    return this.#store.isFailing
  }

  note(change: SessionChange): void {
    const cycle = this.#store.note(change)
    if (cycle === NO_CYCLE) return
    this.changeCount += 1
    this.changedIn = cycle
  }

  begin(name: SessionName): SessionRecord {
    const { clientId, userName } = name
    this.note({ kind: 'begun', clientId, userName, lastPacketId: 0 })
    return new SessionRecord(name, this)
  }

  /** For a session that was restored from the store. */
  resume(name: SessionName): SessionRecord {
    return new SessionRecord(name, this)
  }

  /**
   * This is the topic's retained message now; or it has none, if the payload is empty or not kept.
   */
  retained(publication: Publication, isKept: boolean): void {
    if (isKept && publication.payloadBytes > 0) {
      this.note({ kind: 'retained', message: this.stored(publication) })
    } else {
      this.note({ kind: 'unretained', topic: publication.topic.name })
    }
  }

  stored(publication: Publication): PersistedMessage {
    publication.persisted ??= {
      topic: publication.topic.name,
      qos: publication.qos,
      retain: publication.retain,
      properties: publication.forwardedProperties,
      payload: publication.keep().payload,
      expiresAt: this.wallTime(publication.expiresAtMs ?? NEVER),
    }
    return publication.persisted
  }

  /** A time of the monotonic clock, in milliseconds since 1970. */
  wallTime(monotonicMs: number): number {
    return Math.round(this.#clock.now() + (monotonicMs - this.#clock.monotonic()))
  }
}

/** What a session's present or last connection has set. */
export interface ConnectedSettings {
  readonly expiryIntervalS: number
  readonly will: Will | undefined
}

/** Records the changes of one session that outlives its connection. */
export class SessionRecord {
  readonly #clientId: string
  readonly #userName: string | undefined
  readonly #recorder: SessionRecorder

  constructor({ clientId, userName }: SessionName, recorder: SessionRecorder) {
    this.#clientId = clientId
    this.#userName = userName
    this.#recorder = recorder
  }

  connected({ expiryIntervalS, will }: ConnectedSettings): void {
    this.#recorder.note({
      kind: 'connected',
      clientId: this.#clientId,
      userName: this.#userName,
      expiryIntervalS,
      will,
    })
  }

  /** Times of the monotonic clock. */
  disconnected(expiresAtMs: number, willDueAtMs: number): void {
    this.#recorder.note({
      kind: 'disconnected',
      clientId: this.#clientId,
      userName: this.#userName,
      expiresAt: this.#recorder.wallTime(expiresAtMs),
      willDueAt: this.#recorder.wallTime(willDueAtMs),
    })
  }

  willPublished(): void {
    this.#recorder.note({
      kind: 'willPublished',
      clientId: this.#clientId,
      userName: this.#userName,
    })
  }

  ended(): void {
    this.#recorder.note({ kind: 'ended', clientId: this.#clientId, userName: this.#userName })
  }

  subscribed(filter: string, options: SubscriptionOptions): void {
    this.#recorder.note({
      kind: 'subscribed',
      clientId: this.#clientId,
      userName: this.#userName,
      filter,
      options,
    })
  }

  unsubscribed(filter: string): void {
    this.#recorder.note({
      kind: 'unsubscribed',
      clientId: this.#clientId,
      userName: this.#userName,
      filter,
    })
  }

  queued({ sequence, publication, qos, retain, identifiers }: Delivery): void {
    const message = this.#recorder.stored(publication)
    const delivery = { sequence, message, qos, retain, identifiers }
    this.#recorder.note({
      kind: 'queued',
      clientId: this.#clientId,
      userName: this.#userName,
      delivery,
    })
  }

  sent(sequence: number, packetId: number): void {
    this.#recorder.note({
      kind: 'sent',
      clientId: this.#clientId,
      userName: this.#userName,
      sequence,
      packetId,
    })
  }

  dropped(sequence: number): void {
    this.#recorder.note({
      kind: 'dropped',
      clientId: this.#clientId,
      userName: this.#userName,
      sequence,
    })
  }

  released(packetId: number): void {
    this.#recorder.note({
      kind: 'released',
      clientId: this.#clientId,
      userName: this.#userName,
      packetId,
    })
  }

  settled(packetId: number): void {
    this.#recorder.note({
      kind: 'settled',
      clientId: this.#clientId,
      userName: this.#userName,
      packetId,
    })
  }

  /**
   * In the cycle of its message: if that is lost, the id is lost as well, and the message is new.
   */
  received(packetId: number): void {
    this.#recorder.note({
      kind: 'received',
      clientId: this.#clientId,
      userName: this.#userName,
      packetId,
    })
  }

  forgotten(packetId: number): void {
    this.#recorder.note({
      kind: 'forgotten',
      clientId: this.#clientId,
      userName: this.#userName,
      packetId,
    })
  }
}
