/**
 * A bounded set of values of a metric's label. Every client that may publish can name a new channel,
 * and every value of a label stays in memory and is scraped indefinitely. So the values beyond the
 * bound share one.
 */
export const OTHER = '_other'

export class BoundedLabel {
  readonly #maxValues: number
  readonly #known = new Set<string>()

  constructor(maxValues: number) {
    this.#maxValues = maxValues
  }

  /** `value` if it is known or there is room for a new one, otherwise `_other`. */
  of(value: string): string {
    if (this.#known.has(value)) return value
    if (this.#known.size >= this.#maxValues) return OTHER
    this.#known.add(value)
    return value
  }
}
