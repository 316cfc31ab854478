/**
 * Packets of one connection that have come and must wait: until it is known whose they are, until
 * work that one of them made is done, until others have had their turn, until commits have caught up,
 * until a message can be stored whose sender can't be told that it can't. When too many wait, the
 * socket is read no further. Pings and acknowledgements need not wait, except for the first of these.
 */
import type { Timer } from '../../../clock.ts'
import type { Refusal } from '../../../message.ts'
import type { ServerContext } from '../broker/server-context.ts'
import type { FrameHandler } from '../packets/frame-reader.ts'
import { PacketType } from '../packets/protocol.ts'
import { DeferredFrames, mayOvertake } from './deferred-frames.ts'
import type { LoopTurns } from './loop-turns.ts'
import { MessageRetry } from './message-retry.ts'
import { Pause, type ReadThrottle } from './read-throttle.ts'

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

export interface DeferredPacketsOptions {
  readonly throttle: ReadThrottle
  readonly context: ServerContext
  readonly turns: LoopTurns
  readonly host: PacketHost
}

/**
 * After a commit that failed its senders stay connected for so long: they come back and send again
 * at once, and a disk that is full then has to refuse them all anew.
 */
const PAUSE_BEFORE_END_MS = 1_000

export class DeferredPackets {
  readonly #options: DeferredPacketsOptions
  #frames: DeferredFrames | undefined
  /** All packets wait, and nothing but `unlock` lets them go. */
  #isLocked = false
  #isClosed = false
  /** What `resume` hands on just now. */
  #draining: DeferredFrames | undefined
  /** The first packet that waits is a message that could not be stored when it was offered last. */
  #retry: MessageRetry | undefined
  /** Nothing is handed on any more, until the connection ends by this. */
  #end: Timer | undefined
  /** Work that goes on for several turns. While there is any, the packets are locked. */
  readonly #steps: (() => boolean)[] = []

  constructor(options: DeferredPacketsOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#frames === undefined
  }

  mustWait(type: number): boolean {
    if (this.#isLocked) return true
    if (this.#frames !== undefined || this.#end !== undefined) return !mayOvertake(type)
    const { throttle, context } = this.#options
    const { commitGate } = context.broker
    return throttle.isSpent || (type === PacketType.publish && commitGate.intake.isSaturated)
  }

  add(first: number, bytes: Buffer, start: number, end: number): void {
    const { throttle, context } = this.#options
    this.#frames ??= new DeferredFrames()
    this.#frames.add(first, bytes, start, end)
    if (this.#frames.bytes > context.limits.maxHeldBytes) throttle.pause(Pause.held)
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
    if (!isSame || this.#retry === undefined) {
      const { context, host } = this.#options
      this.#retry = new MessageRetry({
        clock: context.clock,
        offerAgain: () => this.resume(),
        giveUp: (why) => host.sendAway(why),
      })
      context.reports.messageWithheld(refusal)
    }
    this.#retry.refused(refusal)
  }

  /** Messages of the client's were lost with their commit: it is disconnected, though not at once. */
  endSoon(refusal: Refusal): void {
    if (this.#isClosed || this.#end !== undefined) return
    this.#retry?.cancel()
    const { context, host } = this.#options
    this.#end = context.clock.after(PAUSE_BEFORE_END_MS, () => host.sendAway(refusal))
  }

  /** The client does not wait for what is withheld: all packets that wait because of it go on. */
  abandon(): void {
    if (this.#retry === undefined && this.#end === undefined) return
    this.#options.host.isLeaving = true
    this.#stopWithholding()
    this.resume()
  }

  lock(): void {
    this.#isLocked = true
    this.#options.throttle.pause(Pause.identifying)
  }

  unlock(): void {
    this.#isLocked = false
    this.#options.throttle.resume(Pause.identifying)
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
    const { throttle, context, host } = this.#options
    const { intake } = context.broker.commitGate
    const isBlocked = (): boolean => this.#isBlocked || throttle.isSpent || intake.isSaturated
    throttle.begin()
    this.#frames = undefined
    this.#draining = frames
    host.guarded(() => frames.drain(host, isBlocked))
    this.#draining = undefined
    if (this.#isClosed) return
    if (frames.hasHandedOn && this.#retry?.isPausing === false) this.#retry = undefined
    if (frames.isEmpty) {
      throttle.resume(Pause.held)
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
    this.#options.context.broker.commitGate.removeReader(this)
  }

  get #isBlocked(): boolean {
    return this.#isLocked || this.#end !== undefined || this.#retry?.isPausing === true
  }

  #stopWithholding(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#end?.cancel()
    this.#end = undefined
  }

  #askForResume(): void {
    const { throttle, context } = this.#options
    if (this.#isBlocked) return
    if (throttle.isSpent) throttle.whenFree(() => this.resume())
    else context.broker.commitGate.resumeLater(this)
  }
}
