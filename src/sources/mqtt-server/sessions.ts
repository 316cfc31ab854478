/** All sessions by client id: at most one for each, with at most one connection [MQTT-3.1.4-2]. */
import type { Clock } from '../../clock.ts'
import type { Will } from './connect-packet.ts'
import type { MqttLimits } from './limits.ts'
import { ReasonCode } from './protocol.ts'
import { NEVER_EXPIRES_S, Session } from './session.ts'
import type { Statistics } from './statistics.ts'
import type { Subscriptions } from './subscriptions.ts'

interface SessionsOptions {
  readonly limits: MqttLimits
  readonly statistics: Statistics
  readonly subscriptions: Subscriptions
  readonly clock: Clock
  /** A will whose time has come. */
  readonly publishWill: (will: Will) => void
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #queued = { bytes: 0 }
  readonly #byClientId = new Map<string, Session>()
  /** Those without a connection, in the order they lost it. */
  readonly #offline = new Set<Session>()

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#byClientId.size
  }

  find(clientId: string): Session | undefined {
    return this.#byClientId.get(clientId)
  }

  values(): Iterable<Session> {
    return this.#byClientId.values()
  }

  /**
   * The session for a client that connects: the one it had, or a new one when it had none or
   * starts clean [MQTT-3.1.2-4]. A connection that still has it is cut off first.
   */
  open(clientId: string, isCleanStart: boolean): { session: Session; isPresent: boolean } {
    const known = this.#byClientId.get(clientId)
    known?.link?.end(ReasonCode.sessionTakenOver, 'another client came with this client id')
    const kept = this.#byClientId.get(clientId)
    if (kept !== undefined && !isCleanStart) {
      this.#offline.delete(kept)
      // [MQTT-3.1.3-9]: back in time, no will.
      kept.willDueAtMs = Number.POSITIVE_INFINITY
      return { session: kept, isPresent: true }
    }
    if (kept !== undefined) this.#end(kept)
    const { limits, statistics, clock } = this.#options
    const session = new Session({ clientId, limits, statistics, clock, queued: this.#queued })
    this.#byClientId.set(clientId, session)
    return { session, isPresent: false }
  }

  /** The session's connection is gone. `hasWill` is false after a normal disconnection. */
  disconnected(session: Session, hasWill: boolean): void {
    const nowMs = this.#options.clock.monotonic()
    session.detach()
    if (!hasWill) session.will = undefined
    const { expiryIntervalS } = session
    const expiresInMs =
      expiryIntervalS === NEVER_EXPIRES_S ? Number.POSITIVE_INFINITY : expiryIntervalS * 1000
    const delayMs = (session.will?.properties.willDelayIntervalS ?? 0) * 1000
    if (delayMs === 0) this.#publishWill(session)
    if (expiresInMs === 0) {
      this.#end(session)
      return
    }
    if (session.will !== undefined) session.willDueAtMs = nowMs + delayMs
    session.expiresAtMs = nowMs + expiresInMs
    this.#offline.add(session)
    this.#makeRoom()
  }

  /** Ends sessions and publishes wills whose time has come. Called about once a second. */
  sweep(): void {
    const nowMs = this.#options.clock.monotonic()
    for (const session of this.#offline) {
      if (session.expiresAtMs <= nowMs) this.#end(session)
      else if (session.willDueAtMs <= nowMs) this.#publishWill(session)
    }
  }

  /** The will goes out at the latest when the session ends [MQTT-3.1.3-9]. */
  #end(session: Session): void {
    if (!session.isOnline) this.#publishWill(session)
    this.#offline.delete(session)
    for (const filter of session.subscriptions.keys()) {
      this.#options.subscriptions.remove(session, filter)
    }
    session.discard()
    if (this.#byClientId.get(session.clientId) === session) {
      this.#byClientId.delete(session.clientId)
    }
  }

  #publishWill(session: Session): void {
    const { will } = session
    session.will = undefined
    session.willDueAtMs = Number.POSITIVE_INFINITY
    if (will !== undefined) this.#options.publishWill(will)
  }

  /** The session longest without a connection goes when there are too many. */
  #makeRoom(): void {
    if (this.#offline.size <= this.#options.limits.maxOfflineSessions) return
    const [longest] = this.#offline
    if (longest !== undefined) this.#end(longest)
  }
}
