/**
 * Which dead letters belong together, and how much of the bounds each holder takes. A holder is a
 * channel at one destination; messages that routing refused have holders of their own, because
 * anybody who may publish can cause them.
 */
import { collapsedOffset } from '../log/offset-ranges.ts'

export interface LetterBounds {
  readonly maxMessages: number
  readonly maxBytes: number
}

export interface Holder {
  readonly name: string
  /** Offsets, ascending, and the bytes of their letters. */
  readonly letters: Map<number, number>
  bytes: number
}

export class LetterShares {
  readonly #bounds: LetterBounds
  readonly #holders = new Map<string, Holder>()
  readonly #owners = new Map<number, Holder>()

  constructor(bounds: LetterBounds) {
    this.#bounds = bounds
  }

  find(name: string): Holder | undefined {
    return this.#holders.get(name)
  }

  add(name: string, offset: number, bytes: number): void {
    let holder = this.#holders.get(name)
    if (holder === undefined) {
      holder = { name, letters: new Map(), bytes: 0 }
      this.#holders.set(name, holder)
    }
    holder.letters.set(offset, bytes)
    holder.bytes += bytes
    this.#owners.set(offset, holder)
  }

  remove(offset: number): void {
    const holder = this.#owners.get(offset)
    if (holder === undefined) return
    this.#owners.delete(offset)
    holder.bytes -= holder.letters.get(offset) ?? 0
    holder.letters.delete(offset)
    if (holder.letters.size === 0) this.#holders.delete(holder.name)
  }

  /** The holder that gives up a letter for one of `name` with `bytes`. Undefined: nobody is known. */
  payerFor(name: string, bytes: number): Holder | undefined {
    const own = this.#holders.get(name)
    const heaviest = this.#heaviest()
    if (heaviest === undefined || heaviest === own) return own
    // Only if it still holds at least as much afterwards: two holders must not take turns.
    const given = heaviest.bytes / heaviest.letters.size
    const after = this.#weight(heaviest.letters.size - 1, heaviest.bytes - given)
    const next = this.#weight((own?.letters.size ?? 0) + 1, (own?.bytes ?? 0) + bytes)
    return next <= after ? heaviest : own
  }

  /** The staged offsets `from ≤ x < to` could not be committed: see `collapsedOffset`. */
  collapse(from: number, to: number): void {
    const above = [...this.#owners].filter(([offset]) => offset >= from)
    const kept = above.map(([offset, holder]) => {
      const bytes = holder.letters.get(offset) ?? 0
      this.remove(offset)
      return { name: holder.name, offset, bytes }
    })
    for (const { name, offset, bytes } of kept) {
      if (offset >= to) this.add(name, collapsedOffset(offset, from, to), bytes)
    }
  }

  #heaviest(): Holder | undefined {
    let heaviest: Holder | undefined
    let most = 0
    for (const holder of this.#holders.values()) {
      const weight = this.#weight(holder.letters.size, holder.bytes)
      if (weight <= most) continue
      most = weight
      heaviest = holder
    }
    return heaviest
  }

  #weight(letters: number, bytes: number): number {
    return letters / this.#bounds.maxMessages + bytes / this.#bounds.maxBytes
  }
}
