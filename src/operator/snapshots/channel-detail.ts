/** One channel: its figures, its losses, and what is set for it. */
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { ChannelLedger } from '../../channels/ledger/ledger.ts'
import type { DestinationDelivery } from '../../delivery/destination-delivery.ts'
import type { ChannelDetail } from '../../http/api/shapes/channels.ts'
import type { Setting } from '../../http/api/shapes/settings.ts'
import { timeText } from '../../iso-time.ts'
import { channelRow } from './channel-rows.ts'
import type { Moment } from './moment.ts'

export interface DetailFacts {
  readonly ledger: ChannelLedger
  readonly channels: ChannelSet
  readonly deliveries: readonly DestinationDelivery[]
  readonly settings: readonly Setting[]
  readonly moment: Moment
}

export async function channelDetail(facts: DetailFacts): Promise<ChannelDetail> {
  const { ledger, channels, moment, settings } = facts
  const channel = channels.get(ledger.channel)
  const log = channel?.log
  const [first] = log === undefined ? [] : await log.read(log.start, 1, 1)
  const { received, delivered, bytes } = ledger
  return {
    ...channelRow(ledger, moment.rowContext),
    received,
    delivered,
    bytes,
    firstOffset: log?.start ?? 0,
    endOffset: log?.end ?? 0,
    firstReceivedAt: first === undefined ? null : timeText(first.receivedAt),
    outageLeft: moment.outage.find((row) => row.channel === ledger.channel) ?? null,
    losses: lossesOf(ledger),
    destinations: destinationsOf(facts),
    settings: settings
      .filter((setting) => isAbout(setting, ledger.channel))
      .map(({ path, value, from }) => ({ path, value, from })),
  }
}

function lossesOf({ dropped, rejected, expired }: ChannelLedger): Record<string, number> {
  const counts = Object.entries({ ...dropped, rejected, expired })
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

function destinationsOf({ ledger, channels, deliveries }: DetailFacts) {
  const channel = channels.get(ledger.channel)
  return (channel?.cursors ?? []).map((cursor, index) => {
    const { name, position, oldestWaitingAt } = cursor
    return {
      name,
      waiting: position.unsettled(channel?.log.end ?? 0),
      oldestAt: oldestWaitingAt ? timeText(oldestWaitingAt) : null,
      state: deliveries[index]?.state.state ?? 'unopened',
    }
  })
}

/** Settings of the channel itself, of all channels, and the limits on each channel. */
function isAbout({ path, keys: [section, name] }: Setting, channel: string): boolean {
  if (section === 'channels') return name === channel || name === '*'
  return path === 'parameters.IotAnalyticsQueueSizePerChannel' || path === 'storage.maxBytes'
}
