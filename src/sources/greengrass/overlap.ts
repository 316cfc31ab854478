/**
 * While two subscriptions to the same filter are open, each message comes on both of them. The
 * second one to come is a copy, whichever stream it is on.
 */
export class Overlap {
  /** By message: how many more have come on the old stream than on the new one. */
  readonly #lead = new Map<string, number>()

  isCopy(stream: 'old' | 'new', topic: string, payload: Buffer): boolean {
    const key = `${topic}\0${payload.toString('latin1')}`
    const lead = this.#lead.get(key) ?? 0
    const step = stream === 'old' ? 1 : -1
    if (lead + step === 0) this.#lead.delete(key)
    else this.#lead.set(key, lead + step)
    return lead * step < 0
  }
}
