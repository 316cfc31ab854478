/** How long ago the accepted messages of a batch had arrived, counted and reported in one call. */
import type { Clock } from '../../clock.ts'
import type { BatchOutcome, Destination } from '../../destinations/destination.ts'
import { DELIVERY_SECONDS, DurationCounts } from '../../durations/duration-counts.ts'
import type { Message } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'

export interface AgesContext {
  readonly destination: Destination
  readonly clock: Clock
  readonly observer: PipelineObserver
}

/** Used again for every batch: it is counted and reported within one call. */
const ages = new DurationCounts(DELIVERY_SECONDS)

export function reportAges(
  messages: readonly Message[],
  { rejected, kept }: BatchOutcome,
  { destination, clock, observer }: AgesContext,
): void {
  const now = clock.now()
  const others = new Set([...rejected.map(({ index }) => index), ...kept])
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index]
    if (message !== undefined && !others.has(index)) ages.add((now - message.receivedAt) / 1000)
  }
  if (ages.total === 0) return
  observer.messagesDelivered(destination.name, ages)
  ages.clear()
}
