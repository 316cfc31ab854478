/**
 * All sessions by user and client id: at most one for each, with at most one connection
 * [MQTT-3.1.4-2].
 */

import type { Clock } from '../../../clock.ts'
import type { MqttLimits } from '../limits/limits.ts'
import { Owners } from '../limits/owner.ts'
import { type Will, willProperties } from '../packets/connect-packet.ts'
import { ReasonCode } from '../packets/protocol.ts'
import type { Statistics } from '../topics/statistics.ts'
import type { Subscriptions } from '../topics/subscriptions.ts'
import { KeptWills } from './kept-wills.ts'
import { OfflineSessions } from './offline-sessions.ts'
import { QueueTotal } from './outgoing-queue.ts'
import type { RestoredSession } from './session.ts'
import { NEVER_EXPIRES_S, Session } from './session.ts'
import type { SessionRecorder } from './session-recorder.ts'
import { type SessionName, SessionsByName } from './store/sessions-by-name.ts'

interface SessionRegistryOptions {
  readonly limits: MqttLimits
  readonly statistics: Statistics
  readonly subscriptions: Subscriptions
  readonly clock: Clock
  /** Undefined if sessions end with the process. */
  readonly recorder: SessionRecorder | undefined
  /**
   * Called with a will that is due, and its session. `done` is to be called when the will is no
   * longer needed.
   */
  readonly publishWill: (will: Will, done: () => void, session: Session) => void
}

export class SessionRegistry {
  readonly owners = new Owners()
  readonly #options: SessionRegistryOptions
  readonly #queued: QueueTotal
  readonly #sessions = new SessionsByName<Session>()
  readonly #wills: KeptWills
  readonly #offline: OfflineSessions

  constructor(options: SessionRegistryOptions) {
    this.#options = options
    this.#queued = new QueueTotal(options.limits)
    this.#wills = new KeptWills(options.limits)
    this.#offline = new OfflineSessions(options.limits)
  }

  get count(): number {
    return this.#sessions.size
  }

  /** Without a user name: the session of an anonymous client. */
  find(clientId: string, userName?: string): Session | undefined {
    return this.#sessions.get(clientId, userName)
  }

  values(): Iterable<Session> {
    return this.#sessions.values()
  }

  /**
   * The session for a client that connects: the present one, or a new one if there is none or the
   * client starts clean [MQTT-3.1.2-4]. If another connection still has the session, it ends first.
   */
  open(
    clientId: string,
    isCleanStart: boolean,
    userName?: string,
  ): { session: Session; isPresent: boolean } {
    const known = this.#sessions.get(clientId, userName)
    known?.link?.end(ReasonCode.sessionTakenOver, 'another client connected with this client id')
    const kept = this.#sessions.get(clientId, userName)
    if (kept !== undefined && !isCleanStart) {
      this.#offline.delete(kept)
      // [MQTT-3.1.3-9]: the client is back before its will was due.
      kept.willDueAtMs = Number.POSITIVE_INFINITY
      return { session: kept, isPresent: true }
    }
    if (kept !== undefined) this.#end(kept)
    return { session: this.#add({ clientId, userName }), isPresent: false }
  }

  /**
   * The commit cycle was not stored. If a client sends a QoS 2 message of it again, also over
   * another connection, it is a new message and not a repeated one.
   */
  forgetLost(cycle: number): void {
    for (const session of this.#sessions.values()) session.forgetLost(cycle)
  }

  /** Whether there is room for the will of a client that connects, in place of the one it has. */
  hasRoomForWill({ clientId, userName }: SessionName, will: Will): boolean {
    const known = this.find(clientId, userName)
    const owner = this.owners.of(userName)
    const hasRoom = this.#wills.allows(owner, known?.will, will)
    this.owners.released(owner)
    return hasRoom
  }

  /** Sets what the client asks of the session that it has opened. */
  configure(session: Session, will: Will | undefined, expiryIntervalS: number): void {
    this.#setWill(session, will)
    session.expiryIntervalS = expiryIntervalS
    if (expiryIntervalS === 0) {
      session.record?.ended()
      session.record = undefined
      return
    }
    session.record ??= this.#options.recorder?.begin(session)
    session.record?.connected(session)
  }

  /**
   * Adds a session from the store. While the process was down its time went on by the wall clock. A
   * session that was connected when the process ended loses its connection now. Subscriptions beyond
   * the limits are given up: an earlier version may have allowed them. Returns their number.
   */
  restore(restored: RestoredSession): number {
    const { clock, subscriptions, recorder, limits } = this.#options
    const { kept } = restored
    const session = this.#add(kept)
    session.record = recorder?.resume(kept)
    session.restore(restored)
    this.#wills.replaced(session.owner, undefined, session.will)
    let beyond = 0
    for (const [filter, options] of kept.subscriptions) {
      if (!session.subscriptions.hasRoomFor(filter, limits)) {
        session.record?.unsubscribed(filter)
        beyond++
        continue
      }
      session.subscriptions.set(filter, options)
      subscriptions.add(session, filter, options)
    }
    if (kept.expiresAt === undefined) {
      this.#wait(session, clock.monotonic(), willDelayMs(session))
      return beyond
    }
    const passed = clock.now() - clock.monotonic()
    session.expiresAtMs = Math.min(
      kept.expiresAt - passed,
      clock.monotonic() + expiryMs(session.expiryIntervalS),
    )
    session.willDueAtMs = kept.willDueAt - passed
    this.#addOffline(session)
    return beyond
  }

  /** The session has lost its connection. `hasWill` is false after a normal disconnection. */
  disconnected(session: Session, hasWill: boolean): void {
    const nowMs = this.#options.clock.monotonic()
    session.detach()
    if (!hasWill) this.#setWill(session, undefined)
    const delayMs = willDelayMs(session)
    if (delayMs === 0) this.#publishWill(session)
    if (session.expiryIntervalS === 0) this.#end(session)
    else this.#wait(session, nowMs, delayMs)
  }

  /**
   * Ends sessions that have expired and publishes wills that are due. Called about once a second.
   */
  sweep(): void {
    const nowMs = this.#options.clock.monotonic()
    for (const session of this.#offline) {
      if (session.expiresAtMs <= nowMs) this.#end(session)
      else if (session.willDueAtMs <= nowMs) this.#publishWill(session)
    }
  }

  #add({ clientId, userName }: SessionName): Session {
    const { limits, statistics, clock } = this.#options
    const owner = this.owners.of(userName)
    owner.sessions++
    const queued = this.#queued
    const session = new Session({ clientId, owner, limits, statistics, clock, queued })
    this.#sessions.set(session)
    return session
  }

  #disown({ owner }: Session): void {
    owner.sessions--
    this.owners.released(owner)
  }

  /** The session has no connection since `nowMs`. */
  #wait(session: Session, nowMs: number, delayMs: number): void {
    if (session.will !== undefined) session.willDueAtMs = nowMs + delayMs
    session.expiresAtMs = nowMs + expiryMs(session.expiryIntervalS)
    session.record?.disconnected(session.expiresAtMs, session.willDueAtMs)
    this.#addOffline(session)
  }

  /** The will is published at the latest when the session ends [MQTT-3.1.3-9]. */
  #end(session: Session): void {
    if (!session.isOnline) this.#publishWill(session)
    this.#offline.delete(session)
    for (const filter of session.subscriptions.keys()) {
      this.#options.subscriptions.remove(session, filter)
    }
    session.record?.ended()
    session.record = undefined
    session.discard()
    this.#disown(session)
    const { clientId, userName } = session
    if (this.#sessions.get(clientId, userName) === session) this.#sessions.delete(session)
  }

  #setWill(session: Session, will: Will | undefined): void {
    this.#wills.replaced(session.owner, session.will, will)
    session.will = will
  }

  #publishWill(session: Session): void {
    const { will, owner } = session
    session.will = undefined
    session.willDueAtMs = Number.POSITIVE_INFINITY
    if (will === undefined) return
    session.record?.willPublished()
    // It counts until it has been published, which may take until a later turn.
    const done = (): void => {
      this.#wills.replaced(owner, will, undefined)
      this.owners.released(owner)
    }
    this.#options.publishWill(will, done, session)
  }

  /** If there are too many now, one of them ends. */
  #addOffline(session: Session): void {
    const excess = this.#offline.add(session)
    if (excess !== undefined) this.#end(excess)
  }
}

function expiryMs(expiryIntervalS: number): number {
  return expiryIntervalS === NEVER_EXPIRES_S ? Number.POSITIVE_INFINITY : expiryIntervalS * 1000
}

function willDelayMs({ will }: Session): number {
  return ((will && willProperties(will).willDelayIntervalS) ?? 0) * 1000
}
