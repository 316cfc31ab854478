/**
 * Bytes that messages hold in this process's memory, over all channels: what `MemorySize` bounds.
 * Logs take what they stage or keep and give it back when it is gone.
 */
export class MemoryBudget {
  readonly maxBytes: number
  #held = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get held(): number {
    return this.#held
  }

  /** Whether `bytes` more fit. */
  fits(bytes: number): boolean {
    return this.#held + bytes <= this.maxBytes
  }

  /** Counts `bytes` as held; the caller has asked `fits` where it has a choice. */
  take(bytes: number): void {
    this.#held += bytes
  }

  give(bytes: number): void {
    this.#held -= bytes
  }
}
