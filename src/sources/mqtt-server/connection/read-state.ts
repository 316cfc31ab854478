/**
 * Whether the socket of one connection is read, and if it is not, why. This is the only place where
 * the socket is paused and resumed.
 *
 *                 pause(reason)                      ┌── pause(another), resume(one of several)
 *     ┌─────────┐ ─────────────────▶ ┌───────────────▼┐
 *     │ reading │                    │ paused: {…}    │
 *     └─────────┘ ◀───────────────── └────────────────┘
 *          │       resume(the last)          │
 *          └─────── discard() ───────────────┴─────▶ discarding: final
 *
 *     reason       the socket is paused because …               … and is resumed by
 *     turn         it has had its bytes of this turn            the next turn of the event loop
 *     deferred     too many bytes of packets wait               the last packet that waited
 *     stalled      the client does not read its own bytes       the writer, when all have left
 *     locked       one packet takes several turns, or a         the end of that work
 *                  password is being checked
 *     waiting      a chunk waits for a turn with work left      that turn
 *     collecting   the open commit cycle collects messages      the cycle, when it closes
 */
import type { Duplex } from 'node:stream'

/** Bits, because several reasons may hold at once. */
export const PauseReason = {
  turn: 1,
  deferred: 2,
  stalled: 4,
  locked: 8,
  collecting: 16,
  waiting: 32,
} as const
export type PauseReason = (typeof PauseReason)[keyof typeof PauseReason]

export class ReadState {
  readonly #socket: Pick<Duplex, 'pause' | 'resume'>
  /** The bits of all reasons that hold. */
  #reasons = 0
  #isDiscarding = false

  constructor(socket: Pick<Duplex, 'pause' | 'resume'>) {
    this.#socket = socket
  }

  get isReading(): boolean {
    return this.#reasons === 0 && !this.#isDiscarding
  }

  isPausedFor(reason: PauseReason): boolean {
    return (this.#reasons & reason) !== 0
  }

  pause(reason: PauseReason): void {
    if (this.#isDiscarding) return
    this.#reasons |= reason
    this.#socket.pause()
  }

  resume(reason: PauseReason): void {
    if ((this.#reasons & reason) === 0) return
    this.#reasons &= ~reason
    if (this.#reasons === 0) this.#socket.resume()
  }

  /**
   * The connection has ended: bytes are read and ignored, so that the end of the socket is seen.
   */
  discard(): void {
    this.#isDiscarding = true
    this.#reasons = 0
    this.#socket.resume()
  }
}
