/**
 * Values of a metric's label, as many as there may be. Anybody who may publish can name a new
 * channel, and every value of a label is kept in memory and scraped for ever: so the values beyond
 * a bound share one.
 */
export const OTHER = '_other'

export class BoundedLabel {
  readonly #maxValues: number
  readonly #known = new Set<string>()

  constructor(maxValues: number) {
    this.#maxValues = maxValues
  }

  /** `value` when it is known or there is room to get to know it, otherwise `_other`. */
  of(value: string): string {
    if (this.#known.has(value)) return value
    if (this.#known.size >= this.#maxValues) return OTHER
    this.#known.add(value)
    return value
  }
}
