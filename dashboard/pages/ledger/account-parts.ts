/** The parts of an account in the order of its sum, and where each lies between 0 and all. */
import type { Account } from '../../../src/http/api/shapes/ledger.ts'

export type PartKind = 'delivered' | 'lost' | 'open'

export interface Part {
  readonly label: string
  readonly kind: PartKind
  readonly count: number
  /** The sum of the parts before it. */
  readonly before: number
}

/** `received` is no part: it is what all of them add up to. Reasons of drops are parts of their own. */
export function partsOf(account: Account): readonly Part[] {
  const { delivered, rejected, dropped, expired, waiting, inFlight } = account
  const drops = Object.entries(dropped).sort(([, one], [, other]) => other - one)
  const parts: readonly (readonly [string, PartKind, number])[] = [
    ['delivered', 'delivered', delivered],
    ['rejected', 'lost', rejected],
    ...(drops.length === 0 ? ([['dropped', 'lost', 0]] as const) : []),
    ...drops.map(([code, count]) => [`dropped: ${code}`, 'lost', count] as const),
    ['expired', 'lost', expired],
    ['waiting', 'open', waiting],
    ['in flight', 'open', inFlight],
  ]
  let before = 0
  return parts.map(([label, kind, count]) => {
    const part = { label, kind, count, before }
    before += count
    return part
  })
}

export function droppedOf({ dropped }: Account): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0)
}
