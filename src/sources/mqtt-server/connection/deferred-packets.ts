/**
 * Packets of one connection that have arrived and must wait. They are handed on in their order.
 *
 *     they wait while …                                        and go on with
 *     a password is checked, or a packet takes several turns   unlock()
 *     the connection has had its packets of this turn          the throttle
 *     commits are behind (only if there is a PUBLISH)          the commit gate
 *     the first is a message that can't be stored now          MessageRetry
 *     the connection is about to end                           nothing
 *
 * When too many bytes wait, the socket is paused; when too many wait for all connections together,
 * those with the most are ended. Pings and acknowledgements may overtake packets that wait, except
 * while a password is checked or a packet takes several turns.
 */
import type { Timer } from '../../../clock.ts'
import type { Refusal } from '../../../message.ts'
import type { CommitGate, PausedReader } from '../broker/commit-gate.ts'
import type { ServerContext } from '../broker/server-context.ts'
import type { LoopTurns } from '../limits/loop-turns.ts'
import type { FrameHandler } from '../packets/frame-reader.ts'
import { PacketType, ReasonCode } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import { DeferredFrames } from './deferred-frames.ts'
import { MessageRetry } from './message-retry.ts'
import { PauseReason, type ReadState } from './read-state.ts'
import type { ReadThrottle } from './read-throttle.ts'

/** The connection, which handles packets. */
export interface PacketHost extends FrameHandler {
  /** Runs work that hands packets on, and handles what it throws. */
  guarded(work: () => void): void
  /** Runs work and charges what it has caused to the client. */
  metered(work: () => void): void
  /** No packet waits any more. */
  caughtUp(): void
  /** Ends the connection without acknowledging the messages that can't be stored. */
  sendAway(refusal: Refusal): void
  /** The client has left or is leaving: it does not wait until its messages can be stored. */
  isLeaving: boolean
}

export interface DeferredPacketsOptions {
  readonly readState: ReadState
  readonly throttle: ReadThrottle
  readonly context: ServerContext
  readonly turns: LoopTurns
  readonly host: PacketHost
}

/**
 * How long the senders of a failed commit stay connected. They connect and send again immediately,
 * and if the disk is full, all of their messages have to be refused again.
 */
const PAUSE_BEFORE_END_MS = 1_000

export class DeferredPackets implements PausedReader {
  readonly #options: DeferredPacketsOptions
  readonly #readState: ReadState
  readonly #throttle: ReadThrottle
  readonly #gate: CommitGate
  #frames: DeferredFrames | undefined
  #isClosed = false
  /** The packets that `resume` is handing on. */
  #draining: DeferredFrames | undefined
  /** Offers the first packet again: a message that could not be stored when it was offered last. */
  #retry: MessageRetry | undefined
  /** Ends the connection. Until then no packet is handed on. */
  #end: Timer | undefined
  /** Work that takes several turns. While there is any, the socket is locked. */
  readonly #steps: (() => boolean)[] = []

  constructor(options: DeferredPacketsOptions) {
    this.#options = options
    this.#readState = options.readState
    this.#throttle = options.throttle
    this.#gate = options.context.broker.commitGate
  }

  get isEmpty(): boolean {
    return this.#frames === undefined
  }

  mustWait(type: number): boolean {
    if (this.#readState.isPausedFor(PauseReason.locked)) return true
    if (this.#frames !== undefined || this.#end !== undefined) {
      return !mayOvertake(type) || this.#throttle.isOverdrawn
    }
    if (this.#throttle.isExhausted) return true
    return type === PacketType.publish && this.#gate.intake.isSaturated
  }

  /** Throws ProtocolViolation if all connections together hold too much. */
  add(first: number, bytes: Buffer, start: number, end: number): void {
    const { broker, limits } = this.#options.context
    this.#frames ??= new DeferredFrames(broker.connectionBytes.held)
    const frames = this.#frames
    if (!frames.add(first, bytes, start, end)) {
      throw new ProtocolViolation(
        `no room for another packet behind ${frames.bytes} bytes that wait`,
        ReasonCode.quotaExceeded,
      )
    }
    if (frames.bytes > limits.maxHeldBytes || frames.isLarge) {
      this.#readState.pause(PauseReason.deferred)
    }
    this.#askForResume()
    if (first >> 4 === PacketType.disconnect) this.abandon()
  }

  /**
   * The PUBLISH that was just handed on can't be stored now. It stays the first packet that waits,
   * so that no other overtakes it.
   */
  withhold(refusal: Refusal, first: number, bytes: Buffer, start: number, end: number): void {
    const isSame = this.#draining?.putBack() ?? false
    if (this.#draining === undefined) this.add(first, bytes, start, end)
    if (!isSame || this.#retry === undefined) {
      const { context, host } = this.#options
      this.#retry = new MessageRetry({
        clock: context.clock,
        offerAgain: () => this.resume(),
        giveUp: (last) => host.sendAway(last),
      })
      context.reports.messageWithheld(refusal)
    }
    this.#retry.refused(refusal)
  }

  /** Messages of the client were lost with their commit: it is disconnected, after a pause. */
  endSoon(refusal: Refusal): void {
    if (this.#isClosed || this.#end !== undefined) return
    this.#retry?.cancel()
    const { context, host } = this.#options
    this.#end = context.clock.after(PAUSE_BEFORE_END_MS, () => host.sendAway(refusal))
  }

  /** The client does not wait until its message can be stored: the packets behind it go on. */
  abandon(): void {
    if (this.#retry === undefined && this.#end === undefined) return
    this.#options.host.isLeaving = true
    this.#cancelTimers()
    this.resume()
  }

  lock(): void {
    this.#readState.pause(PauseReason.locked)
  }

  unlock(): void {
    this.#readState.resume(PauseReason.locked)
    this.resume()
  }

  /** Runs `step` once a turn until it returns true. All packets wait until then. */
  inTurns(step: () => boolean): void {
    if (this.#steps.length === 0 && step()) return
    if (this.#steps.push(step) > 1) return
    this.lock()
    this.#options.turns.next(() => this.#step())
  }

  /** Hands on as many packets as may go now. */
  resume(): void {
    const frames = this.#frames
    if (frames === undefined || this.#isBlocked || this.#isClosed) return
    const { host } = this.#options
    const { intake } = this.#gate
    this.#throttle.refresh()
    this.#frames = undefined
    this.#draining = frames
    host.guarded(() =>
      frames.drain(host, () => this.#isBlocked || this.#throttle.isExhausted || intake.isSaturated),
    )
    this.#draining = undefined
    if (this.#isClosed) {
      frames.clear()
      return
    }
    if (frames.hasHandedOn && this.#retry?.isPausing === false) this.#retry = undefined
    if (frames.isEmpty) {
      this.#readState.resume(PauseReason.deferred)
      host.caughtUp()
      return
    }
    this.#frames = frames
    this.#askForResume()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimers()
    this.#frames?.clear()
    this.#frames = undefined
    this.#gate.removeReader(this)
  }

  /** No packet may be handed on, whatever the throttle and the commit gate say. */
  get #isBlocked(): boolean {
    return (
      this.#readState.isPausedFor(PauseReason.locked) ||
      this.#end !== undefined ||
      this.#retry?.isPausing === true
    )
  }

  #step(): void {
    if (this.#isClosed) return
    let isDone = false
    const { host } = this.#options
    const step = (): void => {
      isDone = this.#steps[0]?.() ?? true
    }
    host.guarded(() => host.metered(step))
    if (isDone) this.#steps.shift()
    if (this.#isClosed) return
    if (this.#steps.length === 0) this.unlock()
    else this.#options.turns.next(() => this.#step())
  }

  #cancelTimers(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#end?.cancel()
    this.#end = undefined
  }

  #askForResume(): void {
    if (this.#isBlocked) return
    if (this.#throttle.isExhausted) this.#throttle.whenFree(() => this.resume())
    else this.#gate.resumeLater(this)
  }
}

/** Whether the order of such a packet and a PUBLISH that waits makes no difference. */
function mayOvertake(type: number): boolean {
  return (
    type === PacketType.pingreq ||
    type === PacketType.puback ||
    type === PacketType.pubrec ||
    type === PacketType.pubcomp
  )
}
