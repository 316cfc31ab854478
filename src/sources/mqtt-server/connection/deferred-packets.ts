/**
 * Packets of one connection that have come and must wait: until it is known whose they are, until
 * work that one of them made is done, until others have had their turn, until commits have caught up,
 * until a message can be stored whose sender can't be told that it can't. When too many wait, the
 * socket is read no further. Pings and acknowledgements need not wait, except for the first of these.
 */
import type { Timer } from '../../../clock.ts'
import type { Refusal } from '../../../message.ts'
import type { Broker } from '../broker/broker.ts'
import type { FrameHandler } from '../packets/frame-reader.ts'
import { PacketType } from '../packets/protocol.ts'
import { HeldFrames, mayOvertake } from './deferred-frames.ts'
import type { Turns } from './loop-turns.ts'
import { type Inflow, Pause } from './read-throttle.ts'
import { Withholding } from './withholding.ts'

/** The connection, which works on packets. */
export interface PacketHost extends FrameHandler {
  /** Runs what hands packets on, and takes care of what it throws. */
  guarded(work: () => void): void
  /** None waits any more. */
  caughtUp(): void
  /** Is to end without acknowledgements for what can't be stored. */
  sendAway(refusal: Refusal): void
  /** The client has left or is about to. Set when it does not wait for what is withheld. */
  isLeaving: boolean
}

export interface WaitingPacketsOptions {
  readonly inflow: Inflow
  readonly broker: Broker
  readonly turns: Turns
  readonly host: PacketHost
}

/**
 * After a commit that failed its senders stay connected for so long: they come back and send again
 * at once, and a disk that is full then has to refuse them all anew.
 */
const PAUSE_BEFORE_END_MS = 1_000

export class WaitingPackets {
  readonly #options: WaitingPacketsOptions
  #frames: HeldFrames | undefined
  /** All packets wait, and nothing but `unlock` lets them go. */
  #isLocked = false
  #isClosed = false
  /** What `resume` hands on just now. */
  #draining: HeldFrames | undefined
  /** The first packet that waits is a message that could not be stored when it was offered last. */
  #withholding: Withholding | undefined
  /** Nothing is handed on any more, until the connection ends by this. */
  #end: Timer | undefined
  /** Work that goes on for several turns. While there is any, the packets are locked. */
  readonly #steps: (() => boolean)[] = []

  constructor(options: WaitingPacketsOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#frames === undefined
  }

  mustWait(type: number): boolean {
    if (this.#isLocked) return true
    if (this.#frames !== undefined || this.#end !== undefined) return !mayOvertake(type)
    const { inflow, broker } = this.#options
    const { acceptance } = broker
    return inflow.isSpent || (type === PacketType.publish && acceptance.intake.isSaturated)
  }

  add(first: number, bytes: Buffer, start: number, end: number): void {
    const { inflow, broker } = this.#options
    this.#frames ??= new HeldFrames()
    this.#frames.add(first, bytes, start, end)
    if (this.#frames.bytes > broker.limits.maxHeldBytes) inflow.pause(Pause.held)
    this.#askForResume()
    if (first >> 4 === PacketType.disconnect) this.abandon()
  }

  /**
   * The PUBLISH that was handed on just now can't be stored now: it stays the first of those that
   * wait, so that nothing overtakes it.
   */
  withhold(refusal: Refusal, first: number, bytes: Buffer, start: number, end: number): void {
    const isSame = this.#draining?.putBack() ?? false
    if (this.#draining === undefined) this.add(first, bytes, start, end)
    if (!isSame || this.#withholding === undefined) {
      const { broker, host } = this.#options
      this.#withholding = new Withholding({
        clock: broker.clock,
        offerAgain: () => this.resume(),
        giveUp: (why) => host.sendAway(why),
      })
      broker.observer.messageWithheld(broker.name, refusal.error, refusal.message)
    }
    this.#withholding.refused(refusal)
  }

  /** Messages of the client's were lost with their commit: it is disconnected, though not at once. */
  endSoon(refusal: Refusal): void {
    if (this.#isClosed || this.#end !== undefined) return
    this.#withholding?.cancel()
    const { broker, host } = this.#options
    this.#end = broker.clock.after(PAUSE_BEFORE_END_MS, () => host.sendAway(refusal))
  }

  /** The client does not wait for what is withheld: all packets that wait because of it go on. */
  abandon(): void {
    if (this.#withholding === undefined && this.#end === undefined) return
    this.#options.host.isLeaving = true
    this.#stopWithholding()
    this.resume()
  }

  lock(): void {
    this.#isLocked = true
    this.#options.inflow.pause(Pause.identifying)
  }

  unlock(): void {
    this.#isLocked = false
    this.#options.inflow.resume(Pause.identifying)
    this.resume()
  }

  /** Does `step` once a turn until it returns true; all packets wait until then. */
  inTurns(step: () => boolean): void {
    if (this.#steps.length === 0 && step()) return
    if (this.#steps.push(step) > 1) return
    this.lock()
    this.#options.turns.next(() => this.#step())
  }

  #step(): void {
    if (this.#isClosed) return
    let isDone = false
    this.#options.host.guarded(() => {
      isDone = this.#steps[0]?.() ?? true
    })
    if (isDone) this.#steps.shift()
    if (this.#isClosed) return
    if (this.#steps.length === 0) this.unlock()
    else this.#options.turns.next(() => this.#step())
  }

  /** Time has passed or commits have caught up: hands on as many as may go now. */
  resume(): void {
    const frames = this.#frames
    if (frames === undefined || this.#isBlocked || this.#isClosed) return
    const { inflow, broker, host } = this.#options
    const { intake } = broker.acceptance
    const isBlocked = (): boolean => this.#isBlocked || inflow.isSpent || intake.isSaturated
    inflow.begin()
    this.#frames = undefined
    this.#draining = frames
    host.guarded(() => frames.drain(host, isBlocked))
    this.#draining = undefined
    if (this.#isClosed) return
    if (frames.hasHandedOn && this.#withholding?.isPausing === false) this.#withholding = undefined
    if (frames.isEmpty) {
      inflow.resume(Pause.held)
      host.caughtUp()
      return
    }
    this.#frames = frames
    this.#askForResume()
  }

  close(): void {
    this.#isClosed = true
    this.#stopWithholding()
    this.#frames = undefined
    this.#options.broker.acceptance.forget(this)
  }

  get #isBlocked(): boolean {
    return this.#isLocked || this.#end !== undefined || this.#withholding?.isPausing === true
  }

  #stopWithholding(): void {
    this.#withholding?.cancel()
    this.#withholding = undefined
    this.#end?.cancel()
    this.#end = undefined
  }

  #askForResume(): void {
    const { inflow, broker } = this.#options
    if (this.#isBlocked) return
    if (inflow.isSpent) inflow.whenFree(() => this.resume())
    else broker.acceptance.hold(this)
  }
}
