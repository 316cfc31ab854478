/** When a channel's next batch is due. Pure: time comes in as an argument. */
import type { BatchRule } from '../../destinations/destination.ts'

export interface WaitingMessages {
  readonly count: number
  readonly bytes: number
  /** `receivedAt` of the oldest; 0 or undefined if it is not known: then it is due at once. */
  readonly oldestAt: number | undefined
}

/** Milliseconds until the next batch is due, 0 for now; undefined if nothing waits. */
export function untilBatchDueMs(
  waiting: WaitingMessages,
  rule: Pick<BatchRule, 'maxMessages' | 'maxBytes' | 'intervalMs'>,
  nowMs: number,
): number | undefined {
  if (waiting.count === 0) return undefined
  if (waiting.count >= rule.maxMessages || waiting.bytes >= rule.maxBytes) return 0
  const dueAt = (waiting.oldestAt ?? 0) + rule.intervalMs
  // The wall clock may have been set back: even so no message waits longer than one interval.
  return Math.min(Math.max(0, dueAt - nowMs), rule.intervalMs)
}
