/**
 * A number of places that client addresses share. An address that holds none gets one as long as
 * there is one; the more it holds, the more have to be free.
 */
import { SharedBound } from '../../sources/mqtt-server/limits/shared-bound.ts'

export class AddressShares {
  readonly #bound: SharedBound
  readonly #heldBy = new Map<string, number>()

  /** `maxAlone`: what an address may hold if no other holds any. */
  constructor(places: number, maxAlone: number) {
    this.#bound = new SharedBound(places, SharedBound.portionFor(places, maxAlone))
  }

  /** What all addresses hold. */
  get used(): number {
    return this.#bound.used
  }

  held(address: string): number {
    return this.#heldBy.get(address) ?? 0
  }

  allows(address: string): boolean {
    const held = this.held(address)
    return held === 0 ? this.#bound.hasRoomFor(1) : this.#bound.allows(held, 1)
  }

  take(address: string): void {
    this.#bound.take(1)
    this.#heldBy.set(address, this.held(address) + 1)
  }

  release(address: string): void {
    const left = this.held(address) - 1
    if (left > 0) this.#heldBy.set(address, left)
    else this.#heldBy.delete(address)
    this.#bound.release(1)
  }

  /** Who pays when this address may take no more: itself, or the one that holds the most. */
  payer(address: string): string {
    if (this.held(address) > 0) return address
    let greatest = ''
    for (const [other, held] of this.#heldBy) {
      if (held > this.held(greatest)) greatest = other
    }
    return greatest
  }
}
