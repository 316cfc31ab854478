/**
 * The bytes of the wills of all sessions. Wills wait as long as their clients stay, so they have a
 * bound of their own, which is divided among the owners. A single will may take a small part of an
 * owner's share: when there is no room for long wills any more, there still is for short ones, also
 * if thousands of clients are owners of their own.
 */
import type { Owner } from '../limits/owner.ts'
import { SharedBound } from '../limits/shared-bound.ts'
import type { Will } from '../packets/connect-packet.ts'

/** Measured: the objects of a will, beside its topic, payload and properties. */
const OBJECT_BYTES = 1_024

export interface WillLimits {
  readonly maxWillBytes: number
  readonly maxWillBytesOfAll: number
}

export class KeptWills {
  readonly #bound: SharedBound
  /** How many times a single will has to fit into what an owner may hold. */
  readonly #timesInShare: number

  constructor({ maxWillBytes, maxWillBytesOfAll }: WillLimits) {
    this.#bound = new SharedBound(maxWillBytesOfAll, 1)
    // The longest will has room until half of the bound is used: a share is a quarter of it then.
    const longest = OBJECT_BYTES + maxWillBytes
    this.#timesInShare = Math.max(1, maxWillBytesOfAll / 4 / longest)
  }

  get bytes(): number {
    return this.#bound.used
  }

  /** Whether there is room for `will` in place of `before`, which the same session has now. */
  allows(owner: Owner, before: Will | undefined, will: Will): boolean {
    const bytes = heldBytes(will)
    const more = bytes - (before === undefined ? 0 : heldBytes(before))
    if (more <= 0) return true
    const held = owner.willBytes + more - bytes
    return this.#bound.allows(held, more) && bytes * this.#timesInShare <= this.#bound.share
  }

  /** The session of this owner now has `after` instead of `before`. */
  replaced(owner: Owner, before: Will | undefined, after: Will | undefined): void {
    const more =
      (after === undefined ? 0 : heldBytes(after)) - (before === undefined ? 0 : heldBytes(before))
    owner.willBytes += more
    this.#bound.take(more)
  }
}

/** Topic, payload and properties: what `maxWillBytes` bounds. */
export function willBytes({ topic, payload, properties }: Will): number {
  return Buffer.byteLength(topic) + payload.length + properties.length
}

function heldBytes(will: Will): number {
  return OBJECT_BYTES + willBytes(will)
}
