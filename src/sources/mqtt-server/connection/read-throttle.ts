/**
 * Bounds how much of one connection is read, and how fast: bytes and work in a turn of the event
 * loop, so that every connection gets its turn; and a number of messages a second. If a client
 * sends faster, its own socket fills up and no other client is affected.
 */
import type { Clock } from '../../../clock.ts'
import type { ReadCoalescing, WaitingReader } from '../broker/read-coalescing.ts'
import type { LoopTurns } from '../limits/loop-turns.ts'
import { WORK_A_TURN, WORK_ALWAYS_DONE, workOfBytes, workOfFields } from '../limits/work.ts'
import { PacketType } from '../packets/protocol.ts'
import { PauseReason, type ReadState } from './read-state.ts'

export interface ReadThrottleOptions {
  readonly readState: ReadState
  readonly turns: LoopTurns
  readonly clock: Clock
  readonly limits: { readonly maxMessagesPerSecond: number }
  readonly coalescing: ReadCoalescing
}

const BYTES_A_TURN = 65_536
/** Messages above the rate wait at least this long, so that several are let through together. */
const MIN_WAIT_MS = 20
/** A client read twice in one commit cycle counts as a steady sender for this many cycles more. */
const STEADY_CYCLES = 20
/** A read of this many bytes was worth waking up for. */
const WORTHWHILE_READ_BYTES = 4_096

export class ReadThrottle implements WaitingReader {
  readonly #options: ReadThrottleOptions
  readonly #readState: ReadState
  readonly #maxMessagesPerSecond: number
  #turn = -1
  #bytesLeft = BYTES_A_TURN
  #workLeft = WORK_A_TURN
  /** Messages that may be taken at once: at most those of one second. */
  #messagesLeft: number
  #refilledAtMs: number
  #isWaiting = false
  /** The commit cycle in which the socket was read last. */
  #readIn = -1
  /** Up to this cycle, the socket is paused after one read. */
  #steadyUntil = -1

  constructor(options: ReadThrottleOptions) {
    this.#options = options
    this.#readState = options.readState
    this.#maxMessagesPerSecond = options.limits.maxMessagesPerSecond
    this.#messagesLeft = this.#maxMessagesPerSecond
    this.#refilledAtMs = options.clock.monotonic()
  }

  /** No more packets are to be handled before `whenFree` calls. */
  get isExhausted(): boolean {
    if (this.#workLeft <= 0 || this.#messagesLeft < 1) return true
    return this.#workLeft <= WORK_A_TURN - WORK_ALWAYS_DONE && this.#options.turns.isSpent
  }

  /** Not even packets that may overtake others are to be handled before the next turn. */
  get isOverdrawn(): boolean {
    if (this.#workLeft <= -WORK_ALWAYS_DONE) return true
    return this.#workLeft <= WORK_A_TURN - 2 * WORK_ALWAYS_DONE && this.#options.turns.isSpent
  }

  /** To be called before packets are handled: another turn may have begun. */
  refresh(): void {
    if (this.#maxMessagesPerSecond !== Number.POSITIVE_INFINITY) this.#refill()
    const turn = this.#options.turns.current
    const passed = turn - this.#turn
    if (passed === 0) return
    this.#turn = turn
    this.#bytesLeft = BYTES_A_TURN
    this.#workLeft = Math.min(WORK_A_TURN, this.#workLeft + passed * WORK_A_TURN)
  }

  /** To be called with the length of each chunk, before its packets are handled. */
  countBytes(bytes: number): void {
    this.refresh()
    this.#options.turns.spend(workOfBytes(bytes))
    this.#bytesLeft -= bytes
    if (this.#bytesLeft > 0) return
    this.#readState.pause(PauseReason.turn)
    this.#options.turns.next(() => this.#readState.resume(PauseReason.turn))
  }

  /** To be called with the length of each chunk, when all of its packets have been handled. */
  chunkHandled(bytes: number): void {
    const { coalescing } = this.#options
    const cycle = coalescing.closedCycles
    // A client that is read twice in one cycle most likely is again in the next ones.
    if (this.#readIn === cycle) this.#steadyUntil = cycle + STEADY_CYCLES
    this.#readIn = cycle
    const isSteady = cycle <= this.#steadyUntil
    if (!isSteady || bytes >= WORTHWHILE_READ_BYTES || !coalescing.isCollecting) return
    if (!this.#readState.isReading) return
    this.#readState.pause(PauseReason.collecting)
    coalescing.wait(this)
  }

  readOn(): void {
    this.#readState.resume(PauseReason.collecting)
  }

  /** To be called before each packet is handled. `bodyBytes` is its remaining length. */
  countPacket(type: number, bodyBytes: number): void {
    if (type === PacketType.publish) {
      this.#messagesLeft--
      this.charge(1)
    } else {
      this.charge(1 + workOfFields(bodyBytes))
    }
  }

  /** Charges what a packet has cost beyond its one unit; see `limits/work.ts`. */
  charge(work: number): void {
    this.#workLeft -= work
    this.#options.turns.spend(work)
  }

  /** Calls once, when `isExhausted` may have become false. */
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
    this.#options.clock.after(Math.max(MIN_WAIT_MS, untilOneMs), free)
  }

  #refill(): void {
    const nowMs = this.#options.clock.monotonic()
    const refill = ((nowMs - this.#refilledAtMs) / 1000) * this.#maxMessagesPerSecond
    this.#refilledAtMs = nowMs
    this.#messagesLeft = Math.min(this.#maxMessagesPerSecond, this.#messagesLeft + refill)
  }
}
