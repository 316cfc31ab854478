/** The rule for batches of destinations in tests. */
import type { BatchRule } from '../../../src/destinations/destination.ts'

/** Batches of two, each due at once, if nothing else is given. */
export function makeBatchRule(given: Partial<BatchRule> = {}): BatchRule {
  return { maxMessages: 2, maxBytes: 1_000_000, intervalMs: 0, hasDistinctIds: true, ...given }
}
