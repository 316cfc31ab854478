/**
 * A bounded set of values of a metric's label. Every client that may publish can name a new channel,
 * and every value of a label stays in memory and is scraped indefinitely. So the values beyond the
 * bound share one, and so do values that are longer than any channel's name.
 */
export const OTHER = '_other'
const MAX_CHARACTERS = 128

export class BoundedLabel {
  readonly #maxValues: number
  readonly #known = new Set<string>()

  constructor(maxValues: number) {
    this.#maxValues = maxValues
  }

  /** `value` if it is known or there is room for a new one, otherwise `_other`. */
  of(value: string): string {
    if (this.#known.has(value)) return value
    if (value.length > MAX_CHARACTERS || this.#known.size >= this.#maxValues) return OTHER
    this.#known.add(value)
    return value
  }
}

/** The same for two labels of one metric: a code has its own series in only some channels. */
export class BoundedPairs {
  readonly #max: number
  readonly #known = new Map<string, Set<string>>()
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Whether the pair is known or there is room for a new one. */
  has(one: string, other: string): boolean {
    const known = this.#known.get(one)
    if (known?.has(other) === true) return true
    if (this.#count >= this.#max) return false
    this.#count += 1
    if (known === undefined) this.#known.set(one, new Set([other]))
    else known.add(other)
    return true
  }
}
