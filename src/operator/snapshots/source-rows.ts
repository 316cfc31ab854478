/** The sources: what they are connected to, and how much comes in. */
import type { SourceRow } from '../../http/api/shapes/overview.ts'
import { timeText } from '../../iso-time.ts'
import type { Source } from '../../sources/source.ts'
import type { Counts } from '../sampling/counters.ts'
import { type Means, rateOf } from '../sampling/mean-watch.ts'

export type ShownSource = Pick<Source, 'name'> &
  Partial<Pick<Source, 'description' | 'connectionState' | 'received' | 'clients'>>

export function sourceRow(source: ShownSource, { before, now, seconds }: Means<Counts>): SourceRow {
  const { name, description = name, connectionState, clients } = source
  return {
    name,
    description,
    state: stateOf(connectionState?.isReady),
    since: connectionState === undefined ? null : timeText(connectionState.since),
    clients: clients?.count ?? null,
    in: rateOf(before.sources.get(name) ?? 0, now.sources.get(name) ?? 0, seconds),
  }
}

function stateOf(isReady: boolean | undefined): SourceRow['state'] {
  if (isReady === undefined) return 'listening'
  return isReady ? 'connected' : 'disconnected'
}
