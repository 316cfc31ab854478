/**
 * Gives Node's HTTP parser what a client sends in small pieces, and no more of one client than a
 * piece in a turn of the event loop. A chunk of 64 KB can hold 2,500 requests, and Node parses a
 * chunk as a whole.
 */
import type { Socket } from 'node:net'
import type { LoopTurns } from '../../sources/mqtt-server/limits/loop-turns.ts'

const PIECE_BYTES = 1_024
/** For one piece, full of the shortest requests. */
const PIECE_WORK = 64

export interface PiecesOptions {
  readonly turns: LoopTurns
  /** Asked before each piece. After a no, the next piece waits for `goOn`. */
  readonly mayRead: (bytes: number) => boolean
  /** How much of a body is expected: so much can't contain requests. */
  readonly bodyBytes: () => number
}

export class ReadInPieces {
  readonly #socket: Socket
  readonly #options: PiecesOptions
  readonly #parsers: readonly ((chunk: Buffer) => void)[]
  /** The rest of what was read. Nothing is read from the socket meanwhile. */
  #rest: Buffer[] = []
  #isScheduled = false
  #isHeld = false

  /** To be created when the parser listens to the socket. */
  constructor(socket: Socket, options: PiecesOptions) {
    this.#socket = socket
    this.#options = options
    this.#parsers = socket.listeners('data') as ((chunk: Buffer) => void)[]
    for (const parser of this.#parsers) socket.off('data', parser)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
  }

  goOn(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#schedule()
  }

  #take(chunk: Buffer): void {
    const { turns } = this.#options
    const isFirst = this.#rest.length === 0 && !this.#isScheduled && !this.#isHeld
    this.#rest.push(chunk)
    this.#socket.pause()
    // Asking for the turn makes sure that the next one comes.
    if (isFirst && turns.current >= 0 && !turns.isSpent) this.#parse()
    else if (!this.#isHeld) this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#options.turns.next(() => {
      this.#isScheduled = false
      this.#parse()
    })
  }

  #parse(): void {
    const [chunk] = this.#rest
    if (this.#socket.destroyed) return
    if (chunk !== undefined) {
      const piece = chunk.subarray(0, Math.max(PIECE_BYTES, this.#options.bodyBytes()))
      if (!this.#options.mayRead(piece.length)) {
        this.#isHeld = true
        return
      }
      if (chunk.length <= piece.length) this.#rest.shift()
      else this.#rest[0] = chunk.subarray(piece.length)
      this.#options.turns.spend(PIECE_WORK)
      for (const parser of this.#parsers) parser.call(this.#socket, piece)
    }
    if (this.#rest.length > 0) this.#schedule()
    else this.#socket.resume()
  }
}
