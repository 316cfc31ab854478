/** What one or more campaigns tried and found. */

export interface Figures {
  /** How often each fault occurred. */
  readonly faults: Record<string, number>
  acknowledged: number
  delivered: number
  /** Acknowledged, never delivered, and not accounted for. */
  lost: number
  /** Delivered with other bytes than were sent. */
  altered: number
  /** Delivered again, with the same message id. */
  duplicates: number
  /** The longest time between a delivery and the crash after which it was repeated. */
  longestRepeatMs: number
  /** Acknowledged and named as not stored by a receipt. */
  refusedByReceipt: number
  /** Destroyed by the fault itself, and named by the ledger or in quarantine. */
  damagedByName: number
  /** Destroyed from outside together with every trace: a deleted or cut newest file. */
  destroyedWithoutTrace: number
  starts: number
  /** From the start of the process, or the end of the fault, until messages come in again. */
  longestRecoveryMs: number
  /** The largest size of the directory, as a share of storage.maxBytes. */
  mostBytesOfBound: number
  readonly violations: string[]
}

export function newFigures(): Figures {
  return {
    faults: {},
    acknowledged: 0,
    delivered: 0,
    lost: 0,
    altered: 0,
    duplicates: 0,
    longestRepeatMs: 0,
    refusedByReceipt: 0,
    damagedByName: 0,
    destroyedWithoutTrace: 0,
    starts: 0,
    longestRecoveryMs: 0,
    mostBytesOfBound: 0,
    violations: [],
  }
}

export function countFault(figures: Figures, fault: string): void {
  figures.faults[fault] = (figures.faults[fault] ?? 0) + 1
}

/** Adds the figures of one campaign to those of all. */
export function addFigures(sum: Figures, one: Figures): void {
  for (const [fault, count] of Object.entries(one.faults)) {
    sum.faults[fault] = (sum.faults[fault] ?? 0) + count
  }
  sum.acknowledged += one.acknowledged
  sum.delivered += one.delivered
  sum.lost += one.lost
  sum.altered += one.altered
  sum.duplicates += one.duplicates
  sum.refusedByReceipt += one.refusedByReceipt
  sum.damagedByName += one.damagedByName
  sum.destroyedWithoutTrace += one.destroyedWithoutTrace
  sum.starts += one.starts
  sum.longestRepeatMs = Math.max(sum.longestRepeatMs, one.longestRepeatMs)
  sum.mostBytesOfBound = Math.max(sum.mostBytesOfBound, one.mostBytesOfBound)
  sum.longestRecoveryMs = Math.max(sum.longestRecoveryMs, one.longestRecoveryMs)
  sum.violations.push(...one.violations)
}
