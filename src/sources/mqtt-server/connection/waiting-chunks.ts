/**
 * Chunks of one connection that wait as they are for a turn with work left. To cut a long chunk into
 * packets costs time even if all of them have to wait then, and in one turn chunks of very many
 * clients may arrive.
 *
 *     socket ─▶ long, and the turn is spent? ─yes─▶ waits, the socket is paused ─later turn─┐
 *                              └─no─▶ packets ◀──────────────────────────────────────────────┘
 */
import type { LoopTurns } from '../limits/loop-turns.ts'
import type { SharedBound } from '../limits/shared-bound.ts'
import { PauseReason, type ReadState } from './read-state.ts'

export interface WaitingChunksOptions {
  readonly readState: ReadState
  readonly turns: LoopTurns
  /** On the bytes that wait for all connections together. */
  readonly bound: SharedBound
  readonly handle: (chunk: Buffer) => void
}

/** Shorter chunks do not wait: a client that sends now and then must not feel what others send. */
const LONG_BYTES = 4_096

export class WaitingChunks {
  readonly #options: WaitingChunksOptions
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(options: WaitingChunksOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }

  /** Returns false if the chunk is to be handled at once. */
  offer(chunk: Buffer): boolean {
    const { bound, readState, turns } = this.#options
    if (this.isEmpty) {
      if (chunk.length < LONG_BYTES || !turns.isSpent) return false
      if (!bound.allows(0, chunk.length)) return false
      readState.pause(PauseReason.waiting)
      turns.next(() => this.#handleFirst())
    }
    // The stream had read this one before it was paused; it must not overtake.
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    bound.take(chunk.length)
    return true
  }

  clear(): void {
    this.#options.bound.release(this.#bytes)
    this.#bytes = 0
    this.#chunks = []
  }

  #handleFirst(): void {
    const chunk = this.#chunks.shift()
    if (chunk === undefined) return
    const { bound, readState, turns, handle } = this.#options
    bound.release(chunk.length)
    this.#bytes -= chunk.length
    handle(chunk)
    if (this.isEmpty) readState.resume(PauseReason.waiting)
    else turns.next(() => this.#handleFirst())
  }
}
