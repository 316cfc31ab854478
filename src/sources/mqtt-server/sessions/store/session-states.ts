/**
 * The sessions and retained messages that result from a sequence of changes. The changes that were
 * made give the same state in the same order, whether they happen now or are read back from a disk.
 */

import type { SubscriptionOptions } from '../../packets/subscribe-packet.ts'
import type { PersistedMessage } from '../../topics/persisted-message.ts'
import type { SessionChange, StoredDelivery } from './session-change.ts'
import {
  changesOf,
  deliveryBytes,
  idBytes,
  messageBytes,
  nameBytesOf,
  type SessionState,
  subscriptionBytes,
} from './session-state.ts'
import { type SessionName, SessionsByName } from './sessions-by-name.ts'
import { StateShares } from './state-shares.ts'

const SESSION_BYTES = 96

export class SessionStates {
  readonly sessions = new SessionsByName<SessionState>()
  /** Keyed by topic. */
  readonly retained = new Map<string, PersistedMessage>()
  readonly #shares: StateShares

  /** `maxBytes`: changes that would exceed it are not made. */
  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.#shares = new StateShares(maxBytes)
  }

  /**
   * An upper bound of its bytes in the log. A message counts for each session that waits for it.
   */
  get bytes(): number {
    return this.#shares.bytes
  }

  /** Whether the last change was not made because one client's or user's share is spent. */
  get wasShareSpent(): boolean {
    return this.#shares.wasShareSpent
  }

  /**
   * From now on no user may take all the room. To be called when the state of the last run has been
   * read: it has its room already, in whatever order it is read.
   */
  divide(): void {
    this.#shares.isDivided = true
  }

  /**
   * Returns the change that was made. If the given one did not fit or had nothing to change, that
   * is another change or none.
   */
  apply(change: SessionChange): SessionChange | undefined {
    switch (change.kind) {
      case 'begun':
        if (this.#begin(change, change.lastPacketId)) return change
        return { kind: 'ended', clientId: change.clientId, userName: change.userName }
      case 'retained':
        if (this.#retain(change.message)) return change
        return { kind: 'unretained', topic: change.message.topic }
      case 'unretained':
        return this.#unretain(change.topic) ? change : undefined
      default: {
        const session = this.sessions.get(change.clientId, change.userName)
        return session === undefined ? undefined : this.#change(session, change)
      }
    }
  }

  /**
   * After damage: an id may have been released since, and must not make a new message a duplicate.
   */
  forgetReceivedIds(): void {
    for (const session of this.sessions.values()) {
      this.#count(session, -session.receivedIds.size * idBytes(session))
      session.receivedIds.clear()
    }
  }

  /** The smallest number of changes that produce this state. */
  *changes(): Generator<SessionChange> {
    for (const session of this.sessions.values()) yield* changesOf(session)
    for (const message of this.retained.values()) yield { kind: 'retained', message }
  }

  #change(
    session: SessionState,
    change: Extract<SessionChange, { clientId: string }>,
  ): SessionChange | undefined {
    switch (change.kind) {
      case 'connected':
        return this.#connect(session, change)
      case 'subscribed':
        return this.#subscribe(session, change.filter, change.options) ? change : undefined
      case 'queued':
        return this.#queue(session, change.delivery) ? change : undefined
      case 'received':
        return this.#receive(session, change.packetId) ? change : undefined
      default:
        this.#reduce(session, change)
        return change
    }
  }

  /** Makes a change that needs no room. */
  #reduce(session: SessionState, change: Extract<SessionChange, { clientId: string }>): void {
    switch (change.kind) {
      case 'disconnected':
        session.expiresAt = change.expiresAt
        session.willDueAt = change.willDueAt
        if (change.willDueAt === Number.POSITIVE_INFINITY) this.#dropWill(session)
        return
      case 'willPublished':
        this.#dropWill(session)
        return
      case 'ended':
        this.#end(session)
        return
      case 'unsubscribed':
        if (session.subscriptions.delete(change.filter)) {
          this.#count(session, -subscriptionBytes(session, change.filter))
        }
        return
      case 'sent':
        this.#send(session, change.sequence, change.packetId)
        return
      case 'dropped': {
        const delivery = session.waiting.get(change.sequence)
        if (delivery === undefined) return
        session.waiting.delete(change.sequence)
        this.#count(session, -deliveryBytes(session, delivery))
        return
      }
      case 'released': {
        const inflight = session.inflight.get(change.packetId)
        if (inflight !== undefined) inflight.isReleased = true
        return
      }
      case 'settled': {
        const inflight = session.inflight.get(change.packetId)
        if (inflight === undefined) return
        session.inflight.delete(change.packetId)
        this.#count(session, -deliveryBytes(session, inflight.delivery))
        return
      }
      case 'forgotten':
        if (session.receivedIds.delete(change.packetId)) this.#count(session, -idBytes(session))
    }
  }

  #begin({ clientId, userName }: SessionName, lastPacketId: number): boolean {
    const before = this.sessions.get(clientId, userName)
    if (before !== undefined) this.#end(before)
    const nameBytes = nameBytesOf({ clientId, userName })
    const bytes = SESSION_BYTES + 3 * nameBytes
    if (!this.#shares.allows(userName, 0, bytes)) return false
    const session: SessionState = {
      clientId,
      userName,
      nameBytes,
      expiryIntervalS: 0,
      will: undefined,
      expiresAt: undefined,
      willDueAt: Number.POSITIVE_INFINITY,
      lastPacketId,
      subscriptions: new Map(),
      waiting: new Map(),
      inflight: new Map(),
      receivedIds: new Set(),
      bytes: 0,
    }
    this.sessions.set(session)
    this.#count(session, bytes)
    return true
  }

  #connect(session: SessionState, change: Extract<SessionChange, { kind: 'connected' }>) {
    const { expiryIntervalS, will } = change
    this.#dropWill(session)
    session.expiryIntervalS = expiryIntervalS
    session.expiresAt = undefined
    if (will === undefined) return change
    const bytes = messageBytes(will)
    if (!this.#hasRoom(session, bytes)) return { ...change, will: undefined }
    session.will = will
    this.#count(session, bytes)
    return change
  }

  #subscribe(session: SessionState, filter: string, options: SubscriptionOptions): boolean {
    const bytes = session.subscriptions.has(filter) ? 0 : subscriptionBytes(session, filter)
    if (!this.#hasRoom(session, bytes)) return false
    session.subscriptions.set(filter, options)
    this.#count(session, bytes)
    return true
  }

  #queue(session: SessionState, delivery: StoredDelivery): boolean {
    const bytes = deliveryBytes(session, delivery)
    if (!this.#hasRoom(session, bytes)) return false
    session.waiting.set(delivery.sequence, delivery)
    this.#count(session, bytes)
    return true
  }

  #send(session: SessionState, sequence: number, packetId: number): void {
    session.lastPacketId = packetId
    for (const [waiting, delivery] of session.waiting) {
      if (waiting > sequence) return
      session.waiting.delete(waiting)
      if (waiting === sequence) session.inflight.set(packetId, { delivery, isReleased: false })
      else this.#count(session, -deliveryBytes(session, delivery))
    }
  }

  #receive(session: SessionState, packetId: number): boolean {
    if (session.receivedIds.has(packetId)) return true
    if (!this.#hasRoom(session, idBytes(session))) return false
    session.receivedIds.add(packetId)
    this.#count(session, idBytes(session))
    return true
  }

  #retain(message: PersistedMessage): boolean {
    this.#unretain(message.topic)
    const bytes = messageBytes(message)
    if (!this.#shares.allowsRetained(bytes)) return false
    this.retained.set(message.topic, message)
    this.#shares.countRetained(bytes)
    return true
  }

  #unretain(topic: string): boolean {
    const before = this.retained.get(topic)
    if (before === undefined) return false
    this.retained.delete(topic)
    this.#shares.countRetained(-messageBytes(before))
    return true
  }

  #dropWill(session: SessionState): void {
    if (session.will !== undefined) this.#count(session, -messageBytes(session.will))
    session.will = undefined
    session.willDueAt = Number.POSITIVE_INFINITY
  }

  #end(session: SessionState): void {
    this.sessions.delete(session)
    this.#shares.count(session, -session.bytes)
  }

  #hasRoom({ userName, bytes: held }: SessionState, bytes: number): boolean {
    return this.#shares.allows(userName, held, bytes)
  }

  #count(session: SessionState, bytes: number): void {
    session.bytes += bytes
    this.#shares.count(session, bytes)
  }
}
