/** What metrics show of the running parts. */
import type { MemoryBudget } from '../../channels/log/memory-budget.ts'
import type { DestinationDelivery } from '../../delivery/destination-delivery.ts'
import type { Source } from '../../sources/source.ts'
import type { PartFigures } from '../../telemetry/metrics/part-figures.ts'
import type { CertificateEnds } from './certificate-ends.ts'

export interface RunningParts {
  readonly deliveries: readonly DestinationDelivery[]
  readonly sources: readonly Source[]
  readonly memory: Pick<MemoryBudget, 'held' | 'maxBytes'>
}

export function partFigures(
  { deliveries, sources, memory }: RunningParts,
  certificates: CertificateEnds,
): PartFigures {
  return {
    destinations: deliveries.map(({ state, destination }) => ({
      name: state.name,
      state: state.state,
      lastSuccessAt: state.lastSuccessAt,
      oldestWaitingAt: state.oldestWaitingAt,
      publishIntervalMs: destination.batchRule.intervalMs,
    })),
    // A source without a connection to somebody else's broker listens, since it has started.
    sources: sources.map(({ name, connectionState }) => ({
      name,
      isUp: connectionState?.isReady ?? true,
    })),
    memory: { bytes: memory.held, maxBytes: memory.maxBytes },
    certificates: certificates.all,
  }
}
