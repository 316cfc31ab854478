/**
 * Bytes that wait, in a few large pieces: a small buffer takes some hundred bytes of memory beside
 * its own, and may keep a larger one alive that it was cut from. Pieces grow with what waits, and
 * each leaves in one write.
 *
 *     │ 1 KiB, full │ 2 KiB, full │ 4 KiB: filled │ room │
 *       take() ◀──                         add() ─▶
 */
const MIN_BYTES = 1_024

export class JoinedBytes {
  readonly #maxPieceBytes: number
  #pieces: Buffer[] = []
  /** Of the last piece. */
  #filled = 0
  #bytes = 0
  #heldBytes = 0

  constructor(maxPieceBytes: number) {
    this.#maxPieceBytes = maxPieceBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The memory that is taken, with the room that is left. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  add(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      const piece = this.#pieceFor(bytes.length - at)
      const copied = bytes.copy(piece, this.#filled, at)
      this.#filled += copied
      at += copied
    }
    this.#bytes += bytes.length
  }

  /** The first piece. Only to be called while bytes wait. */
  take(): Buffer {
    const piece = this.#pieces.shift() ?? Buffer.alloc(0)
    const isLast = this.#pieces.length === 0
    const taken = isLast ? piece.subarray(0, this.#filled) : piece
    if (isLast) this.#filled = 0
    this.#bytes -= taken.length
    this.#heldBytes -= piece.length
    return taken
  }

  /** A piece with room; a new one is made for `needed` bytes and more that may come. */
  #pieceFor(needed: number): Buffer {
    const last = this.#pieces.at(-1)
    if (last !== undefined && this.#filled < last.length) return last
    const length = Math.max(MIN_BYTES, needed, 2 * (last?.length ?? 0))
    const piece = Buffer.allocUnsafeSlow(Math.min(this.#maxPieceBytes, length))
    this.#pieces.push(piece)
    this.#filled = 0
    this.#heldBytes += piece.length
    return piece
  }
}
