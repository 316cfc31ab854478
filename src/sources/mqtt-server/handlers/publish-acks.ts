/**
 * Sends PUBACK and PUBREC to one client when the commits that they wait for are reported: one write
 * for all acknowledgements of a commit.
 */
import type { ErrorCode } from '../../../errors.ts'
import type { Refusal } from '../../../message.ts'
import type { AckWaiter, CommitGate } from '../broker/commit-gate.ts'
import { ReasonCode } from '../packets/protocol.ts'
import type { Link } from '../sessions/link.ts'
import type { Session } from '../sessions/session.ts'
import { PendingAcks, withFailure } from './pending-acks.ts'

/** The reason codes that PUBACK and PUBREC may carry for a refused message (MQTT 5, table 3-4). */
const REASONS: Partial<Record<ErrorCode, number>> = {
  QueueFull: ReasonCode.quotaExceeded,
  ActiveChannelLimit: ReasonCode.quotaExceeded,
  ChannelLimit: ReasonCode.quotaExceeded,
  StorageFull: ReasonCode.quotaExceeded,
  MemoryFull: ReasonCode.quotaExceeded,
  // "Packet too large" is for DISCONNECT only; an imposed limit is the nearest of PUBACK's codes.
  MessageTooLarge: ReasonCode.quotaExceeded,
  InvalidMessage: ReasonCode.payloadFormatInvalid,
  InvalidChannelName: ReasonCode.topicNameInvalid,
  InvalidTopic: ReasonCode.topicNameInvalid,
  NotAuthorized: ReasonCode.notAuthorized,
}
const REASON_BY_ERROR = new Map(Object.entries(REASONS))

export function reasonCodeOf(error: string): number {
  return REASON_BY_ERROR.get(error) ?? ReasonCode.implementationSpecific
}

export class PublishAcks implements AckWaiter {
  readonly pending: PendingAcks
  readonly #gate: CommitGate
  readonly #session: Session
  readonly #link: Link
  /** The gate calls `flush` and `fail` until no acknowledgement waits. */
  #isWaiting = false

  constructor(gate: CommitGate, session: Session, link: Link) {
    this.#gate = gate
    this.pending = new PendingAcks(gate.delays)
    this.#session = session
    this.#link = link
  }

  /**
   * Sends what waits for no commit, or for one that has been reported; the rest waits for its
   * commit.
   */
  flushFinished(): void {
    if (!this.sendUpTo(this.#gate.finishedCycle) || this.#isWaiting) return
    this.#isWaiting = true
    this.#gate.addAckWaiter(this)
  }

  flush(cycle: number): boolean {
    this.#isWaiting = this.sendUpTo(cycle)
    return this.#isWaiting
  }

  fail(cycle: number, refusal: Refusal): boolean {
    const stored = this.pending.take(cycle - 1)
    if (stored !== undefined) this.#link.send(stored)
    const failed = this.pending.take(cycle, false)
    if (failed !== undefined) this.#sendFailed(failed, refusal)
    this.#isWaiting = !this.pending.isEmpty
    return this.#isWaiting
  }

  /** Sends what waits for `cycle` or one before. Returns whether some wait for a later one. */
  sendUpTo(cycle: number): boolean {
    if (this.pending.isEmpty) return false
    const due = this.pending.take(cycle)
    if (due !== undefined) this.#link.send(due)
    return !this.pending.isEmpty
  }

  #sendFailed(acknowledgements: Buffer, refusal: Refusal): void {
    if (this.#link.version === 5) {
      const reasonCode = reasonCodeOf(refusal.error)
      const release = (packetId: number) => this.#session.forgetReceived(packetId)
      this.#link.send(withFailure(acknowledgements, reasonCode, release))
      return
    }
    // Acknowledgements of later cycles would overtake the ones left out [MQTT-4.6.0-2].
    this.pending.clear()
    this.#link.endSoon(refusal)
  }
}
