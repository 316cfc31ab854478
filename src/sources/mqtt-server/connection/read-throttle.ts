/**
 * How much is read of one connection, and how fast: so many bytes and packets in a turn of the
 * event loop, then the others have theirs; so many messages a second, then it waits. Whoever sends
 * faster than that finds its own socket full, and nobody else does.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../clock.ts'
import type { ReadCoalescing, WaitingReader } from '../broker/read-coalescing.ts'
import { PacketType } from '../packets/protocol.ts'
import type { LoopTurns } from './loop-turns.ts'

/** Why a socket is not read just now. It is read when no reason is left. */
export const Pause = { turn: 1, held: 2, stalled: 4, identifying: 8, collecting: 16 } as const
type Pause = (typeof Pause)[keyof typeof Pause]

export interface ReadThrottleOptions {
  readonly socket: Duplex
  readonly turns: LoopTurns
  readonly clock: Clock
  readonly limits: { readonly maxMessagesPerSecond: number }
  readonly coalescing: ReadCoalescing
}

const BYTES_A_TURN = 65_536
/** In units of what a PUBLISH costs. */
const WORK_A_TURN = 4_096
/** A subscription may look through all that is retained. */
const SUBSCRIBE_WORK = 256
/** Messages are let through in bundles of at least so much time. */
const RATE_INTERVAL_MS = 20
/** So many gatherings after the one that showed a steady sender, it is taken for one. */
const STEADY_CYCLES = 20
/** A read of so many bytes was worth waking up for. */
const WORTHWHILE_READ_BYTES = 4_096

export class ReadThrottle implements WaitingReader {
  readonly #options: ReadThrottleOptions
  readonly #maxMessagesPerSecond: number
  #pauses = 0
  #turn = -1
  #bytesLeft = BYTES_A_TURN
  #workLeft = WORK_A_TURN
  /** Messages that may be taken at once: a second's worth at most. */
  #messagesLeft: number
  #refilledAtMs: number
  #isReleased = false
  #isWaiting = false
  /** The coalescing in which something was read last. */
  #readIn = -1
  /** Up to this coalescing, a single read is enough to wait for its end. */
  #steadyUntil = -1

  constructor(options: ReadThrottleOptions) {
    this.#options = options
    this.#maxMessagesPerSecond = options.limits.maxMessagesPerSecond
    this.#messagesLeft = this.#maxMessagesPerSecond
    this.#refilledAtMs = options.clock.monotonic()
  }

  get isReading(): boolean {
    return this.#pauses === 0
  }

  /** No more packets are to be worked on before `whenFree` calls. */
  get isSpent(): boolean {
    return this.#workLeft <= 0 || this.#messagesLeft < 1
  }

  pause(reason: Pause): void {
    if (this.#isReleased) return
    this.#pauses |= reason
    this.#options.socket.pause()
  }

  resume(reason: Pause): void {
    if ((this.#pauses & reason) === 0) return
    this.#pauses &= ~reason
    if (this.#pauses === 0) this.#options.socket.resume()
  }

  /** Whatever still comes is read, so that the other side's end is seen; nobody looks at it. */
  release(): void {
    this.#isReleased = true
    this.#pauses = 0
    this.#options.socket.resume()
  }

  /** To be called before packets are worked on: it may be another turn by now. */
  begin(): void {
    if (this.#maxMessagesPerSecond !== Number.POSITIVE_INFINITY) this.#refill()
    const turn = this.#options.turns.current
    if (turn === this.#turn) return
    this.#turn = turn
    this.#bytesLeft = BYTES_A_TURN
    this.#workLeft = WORK_A_TURN
  }

  /** So many bytes have come, whose packets are about to be worked on. */
  took(bytes: number): void {
    this.begin()
    this.#bytesLeft -= bytes
    if (this.#bytesLeft > 0) return
    this.pause(Pause.turn)
    this.#options.turns.next(() => this.resume(Pause.turn))
  }

  /** All packets in a chunk of so many bytes have been worked on. */
  worked(bytes: number): void {
    const { coalescing } = this.#options
    // Who is read twice in one coalescing is a steady sender, and most likely still is in the next ones.
    if (this.#readIn === coalescing.closedCycles)
      this.#steadyUntil = coalescing.closedCycles + STEADY_CYCLES
    this.#readIn = coalescing.closedCycles
    const isSteady = coalescing.closedCycles <= this.#steadyUntil
    if (!isSteady || bytes >= WORTHWHILE_READ_BYTES || !coalescing.isCollecting) return
    if (!this.isReading || this.#isReleased) return
    this.pause(Pause.collecting)
    coalescing.wait(this)
  }

  readOn(): void {
    this.resume(Pause.collecting)
  }

  /** A packet is being worked on. */
  spend(type: number): void {
    if (type === PacketType.publish) {
      this.#workLeft--
      this.#messagesLeft--
    } else {
      this.#workLeft -= type === PacketType.subscribe ? SUBSCRIBE_WORK : 1
    }
  }

  /** Calls once, when `isSpent` may have become false. */
  whenFree(call: () => void): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    const free = (): void => {
      this.#isWaiting = false
      call()
    }
    if (this.#messagesLeft >= 1) {
      this.#options.turns.next(free)
      return
    }
    const untilOneMs = ((1 - this.#messagesLeft) / this.#maxMessagesPerSecond) * 1000
    this.#options.clock.after(Math.max(RATE_INTERVAL_MS, untilOneMs), free)
  }

  #refill(): void {
    const nowMs = this.#options.clock.monotonic()
    const fresh = ((nowMs - this.#refilledAtMs) / 1000) * this.#maxMessagesPerSecond
    this.#refilledAtMs = nowMs
    this.#messagesLeft = Math.min(this.#maxMessagesPerSecond, this.#messagesLeft + fresh)
  }
}
