/**
 * Divides one bound among those who hold a part of it, such as the bytes that wait for all clients.
 * Nobody may hold more than a fixed multiple of what is still free:
 *
 *     │ A A A A A A A A A A A A A │ B B │ C │ · · · · · · · · · · · · · │
 *     └─ may hold ≤ portion × free ┘                 free
 *
 * So the bound itself is never exceeded. Those who hold the most are the first to get no more, and
 * one who holds little always gets some. With portion p, n holders that take all they can hold
 * max·p / (n·p + 1) each, and the next one may hold just as much.
 */
export class SharedBound {
  readonly max: number
  readonly #portion: number
  #used = 0

  /** `portion` > 0: how many times what is free one holder may hold. */
  constructor(max: number, portion: number) {
    this.max = max
    this.#portion = portion
  }

  /** What all hold together. */
  get used(): number {
    return this.#used
  }

  /** How much one holder may hold at present. */
  get share(): number {
    return Math.max(0, this.max - this.#used) * this.#portion
  }

  /** Whether a holder that holds `held` may take `more`. */
  allows(held: number, more: number): boolean {
    const free = this.max - this.#used - more
    return free >= 0 && held <= free * this.#portion
  }

  take(amount: number): void {
    this.#used += amount
  }

  release(amount: number): void {
    this.#used -= amount
  }
}
