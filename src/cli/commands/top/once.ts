/** One frame of everything, as long as it is: for pipes. */
import type { ChannelRow } from '../../../http/api/shapes/channels.ts'
import {
  channelLines,
  clientLines,
  destinationLines,
  sourceLines,
} from '../../operator/flow-tables.ts'
import type { Look } from '../../operator/look.ts'
import type { OperatorApi } from '../../operator/operator-api.ts'
import { figureLines, verdictLines } from '../../operator/overview-lines.ts'

export type Everything = Awaited<ReturnType<typeof everythingOf>>

export async function everythingOf(api: OperatorApi) {
  const [overview, channels, { destinations }, clients] = await Promise.all([
    api.overview(),
    allChannels(api),
    api.destinations(),
    api.clients(),
  ])
  return { overview, channels, destinations, clients }
}

export function onceText(
  { overview, channels, destinations, clients }: Everything,
  look: Look,
): string {
  const { now, sources } = overview
  const tables = [
    sources.length === 0 ? [] : sourceLines(sources, look),
    channels.length === 0 ? [] : channelLines(channels, now, look),
    destinations.length === 0 ? [] : destinationLines(destinations, now, look),
    clients.clients.length === 0 ? [] : clientLines(clients.clients, now, look),
  ]
  const lines = [
    ...verdictLines(overview, look),
    '',
    ...figureLines(overview, look),
    ...tables.flatMap((table) => (table.length === 0 ? [] : ['', ...table])),
  ]
  return `${lines.join('\n')}\n`
}

async function allChannels(api: OperatorApi): Promise<ChannelRow[]> {
  const rows: ChannelRow[] = []
  let after: string | null | undefined
  while (after !== null) {
    const page = await api.channels(after === undefined ? {} : { after })
    rows.push(...page.channels)
    after = page.next
  }
  return rows
}
