/**
 * Limits a rate per key. Each key has a bucket that holds `capacity` tokens and refills steadily. A
 * key whose bucket is full again is forgotten; beyond `maxKeys`, the key that was unused longest
 * is.
 */
export interface TokenBucketsOptions {
  readonly capacity: number
  readonly perSecond: number
  readonly maxKeys: number
  readonly nowMs: () => number
}

interface Bucket {
  tokens: number
  atMs: number
}

export class TokenBuckets {
  readonly #options: TokenBucketsOptions
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: TokenBucketsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Whether a token is left. Takes none. */
  has(key: string): boolean {
    const bucket = this.#buckets.get(key)
    return bucket === undefined || this.#level(bucket) >= 1
  }

  /** Takes a token. Returns false if the bucket is empty. */
  take(key: string): boolean {
    const known = this.#buckets.get(key)
    const tokens = known === undefined ? this.#options.capacity : this.#level(known)
    this.#buckets.delete(key)
    this.#makeRoom()
    const left = tokens >= 1 ? tokens - 1 : tokens
    this.#buckets.set(key, { tokens: left, atMs: this.#options.nowMs() })
    return tokens >= 1
  }

  #level({ tokens, atMs }: Bucket): number {
    const { capacity, perSecond, nowMs } = this.#options
    return Math.min(capacity, tokens + ((nowMs() - atMs) / 1000) * perSecond)
  }

  #makeRoom(): void {
    for (const [key, bucket] of this.#buckets) {
      const isFull = this.#level(bucket) >= this.#options.capacity
      if (!isFull && this.#buckets.size < this.#options.maxKeys) return
      this.#buckets.delete(key)
    }
  }
}
