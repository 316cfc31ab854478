/**
 * Divides one bound among those who hold a part of it, such as the bytes that wait for all clients.
 * What anybody may hold falls with what is still free:
 *
 *     │ A A A A A A A A A A A A A │ B B │ C │ · · · · · · · · · · · · · │
 *     └─ may hold ≤ portion × free² / max ┘             free
 *
 * So the bound itself is never exceeded. Those who hold the most are the first to get no more, and
 * one who holds little always gets some. It is the square of what is free because holders come one
 * after the other and give nothing back: n of them leave max / (1 + n × portion) free. If the limit
 * were in proportion to what is free, each would leave the next one only a fixed part, and a few
 * hundred would leave nothing.
 */
export class SharedBound {
  readonly max: number
  readonly #portion: number
  #used = 0

  /** `portion` > 0: how much of the bound one holder could hold if all of it were free. */
  constructor(max: number, portion: number) {
    this.max = max
    this.#portion = portion
  }

  /** The portion with which a holder that is alone may hold `most`, or half of `max`. */
  static portionFor(max: number, most: number): number {
    return max >= 2 * most ? (most * max) / (max - most) ** 2 : 2
  }

  /** What all hold together. */
  get used(): number {
    return this.#used
  }

  /** How much one holder may hold at present. */
  get share(): number {
    return this.#shareOf(Math.max(0, this.max - this.#used))
  }

  /** Whether a holder that holds `held` may take `more`. */
  allows(held: number, more: number): boolean {
    const free = this.max - this.#used - more
    return free >= 0 && held + more <= this.#shareOf(free)
  }

  /** Whether there is room at all, whatever anybody holds. */
  hasRoomFor(more: number): boolean {
    return this.#used + more <= this.max
  }

  take(amount: number): void {
    this.#used += amount
  }

  release(amount: number): void {
    this.#used -= amount
  }

  #shareOf(free: number): number {
    return (this.#portion * free * free) / this.max
  }
}
