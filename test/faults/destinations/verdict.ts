/** Compares what the peer has with what was acknowledged. */
import { nameOf } from '../numbered-message.ts'
import type { PeerRow } from './peer.ts'

export interface Verdict {
  /** Acknowledged, and not at the peer. */
  readonly lost: number
  /** Offsets of a log that are not at the peer, although later ones are. */
  readonly missing: number
  /** Payloads that no device has sent. */
  readonly altered: number
  /** Rows with the same log id and offset as another one. */
  readonly duplicates: number
  /** Different offsets with the same message. */
  readonly repeated: number
  readonly rows: number
}

export function judge(
  acknowledged: ReadonlyMap<string, ReadonlySet<number>>,
  rows: readonly PeerRow[],
): Verdict {
  const offsets = new Map<string, Set<number>>()
  const found = new Map<string, Set<number>>()
  const counts = { altered: 0, duplicates: 0, repeated: 0 }
  for (const { logId, offset, payload } of rows) {
    if (!added(offsets, logId, offset)) {
      counts.duplicates += 1
      continue
    }
    const name = nameOf(payload)
    if (name === undefined) counts.altered += 1
    else if (!added(found, name.publisher, name.number)) counts.repeated += 1
  }
  const lost = [...acknowledged].map(([channel, numbers]) => {
    const there = found.get(channel)
    return [...numbers].filter((number) => there?.has(number) !== true).length
  })
  const missing = [...offsets.values()].map((there) => highest(there) + 1 - there.size)
  return { lost: sum(lost), missing: sum(missing), rows: rows.length, ...counts }
}

/** Whether it was not there before. */
function added(sets: Map<string, Set<number>>, key: string, value: number): boolean {
  const set = sets.get(key) ?? new Set()
  sets.set(key, set)
  const { size } = set
  return set.add(value).size > size
}

function highest(numbers: ReadonlySet<number>): number {
  let most = -1
  for (const number of numbers) most = Math.max(most, number)
  return most
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
