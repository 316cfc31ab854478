/** What the result of a call means for its batch. */
import type { Lease } from '../../channels/cursors/cursor.ts'
import type { BatchOutcome, Destination } from '../../destinations/destination.ts'
import { ConnectorError } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import { counted } from '../../units.ts'

/** A batch of which the destination did not take some messages. */
export function keptError({ kept, keptReason }: BatchOutcome, { name }: Destination) {
  const reason = keptReason === undefined ? '' : ` (${keptReason.error}: ${keptReason.message})`
  const next = kept.length === 1 ? 'it is sent again' : 'they are sent again'
  return new ConnectorError(
    'DestinationUnavailable',
    `${name} did not take ${counted(kept.length, 'message')} of a batch${reason}; ${next}`,
  )
}

/**
 * What a failed call means for its batch: all messages are rejected, or the reason why all are
 * kept.
 */
export function endOf({ effect, code, message }: ConnectorError, lease: Lease) {
  const refusal: Refusal = { error: code, message }
  if (effect !== 'reject') return refusal
  const end: BatchOutcome = {
    rejected: lease.messages.map((_, index) => ({ index, refusal })),
    kept: [],
  }
  return end
}

const OWN_FAILURES: ReadonlySet<string> = new Set(['StorageFailed', 'Stopping', 'Unexpected'])

/** Whether it failed on this side of the destination: reading the log, for example. */
export function isOwnFailure({ code }: ConnectorError): boolean {
  return OWN_FAILURES.has(code)
}
