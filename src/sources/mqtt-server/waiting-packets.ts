/**
 * Packets of one connection that have come and must wait: until it is known whose they are, until
 * work that one of them made is done, until others have had their turn, until commits have caught up. When too many wait, the socket is read
 * no further. Pings and acknowledgements need not wait, except for the first of these.
 */
import type { Acceptance } from './acceptance.ts'
import { HeldFrames, mayOvertake } from './held-frames.ts'
import type { FrameHandler } from './packets/frame-reader.ts'
import { PacketType } from './packets/protocol.ts'
import { type Inflow, Pause } from './transport/inflow.ts'
import type { Turns } from './transport/turns.ts'

export interface WaitingPacketsOptions {
  readonly inflow: Inflow
  readonly acceptance: Acceptance
  readonly turns: Turns
  readonly maxBytes: number
  readonly handler: FrameHandler
  /** Runs what hands packets on, and takes care of what it throws. */
  readonly guarded: (work: () => void) => void
  /** None waits any more. */
  readonly onEmpty: () => unknown
}

export class WaitingPackets {
  readonly #options: WaitingPacketsOptions
  #frames: HeldFrames | undefined
  /** All packets wait, and nothing but `unlock` lets them go. */
  #isLocked = false
  #isClosed = false
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
    if (this.#frames !== undefined) return !mayOvertake(type)
    const { inflow, acceptance } = this.#options
    return inflow.isSpent || (type === PacketType.publish && acceptance.intake.isSaturated)
  }

  add(first: number, bytes: Buffer, start: number, end: number): void {
    const { inflow, maxBytes } = this.#options
    this.#frames ??= new HeldFrames()
    this.#frames.add(first, bytes, start, end)
    if (this.#frames.bytes > maxBytes) inflow.pause(Pause.held)
    this.#askForResume()
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
    this.#options.guarded(() => {
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
    if (frames === undefined || this.#isLocked || this.#isClosed) return
    const { inflow, acceptance, handler, guarded, onEmpty } = this.#options
    const isBlocked = (): boolean =>
      this.#isLocked || inflow.isSpent || acceptance.intake.isSaturated
    inflow.begin()
    this.#frames = undefined
    guarded(() => frames.drain(handler, isBlocked))
    if (this.#isClosed) return
    if (frames.isEmpty) {
      inflow.resume(Pause.held)
      onEmpty()
      return
    }
    this.#frames = frames
    this.#askForResume()
  }

  close(): void {
    this.#isClosed = true
    this.#frames = undefined
    this.#options.acceptance.forget(this)
  }

  #askForResume(): void {
    const { inflow, acceptance } = this.#options
    if (this.#isLocked) return
    if (inflow.isSpent) inflow.whenFree(() => this.resume())
    else acceptance.hold(this)
  }
}
