/**
 * The bytes of packets that have arrived in part, for all connections together. If they exceed
 * their bound, the connection ends whose packet has been incomplete longest, of those that hold at
 * least the average. A packet of a client that sends it at once is complete before its turn comes,
 * however long it is, so no share has to be kept free for it.
 */
export interface PartialHolder {
  /** Ends the connection. Its bytes do not count any more. */
  endPartial(): void
}

export class PartialPackets {
  readonly #max: number
  /** In the order in which their packets began. */
  readonly #holders = new Map<PartialHolder, number>()
  #bytes = 0

  constructor(max: number) {
    this.#max = max
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The holder has this many bytes now; `isNew`: of another packet than before. */
  set(holder: PartialHolder, bytes: number, isNew: boolean): void {
    const before = this.#holders.get(holder) ?? 0
    if (isNew || bytes === 0) this.#holders.delete(holder)
    if (bytes > 0) this.#holders.set(holder, bytes)
    this.#bytes += bytes - before
    while (this.#bytes > this.#max) this.#endLongest()
  }

  #endLongest(): void {
    const average = this.#bytes / this.#holders.size
    for (const [holder, bytes] of this.#holders) {
      if (bytes < average) continue
      this.#holders.delete(holder)
      this.#bytes -= bytes
      holder.endPartial()
      return
    }
  }
}
