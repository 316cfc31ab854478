/** What the configuration means for the channels: bounds, rules by name, where cursors begin. */
import type { ChannelRules } from '../channels/channel-rules.ts'
import type { ChannelSetOptions } from '../channels/channel-set.ts'
import type { CursorStart } from '../channels/cursors/restored-cursors.ts'
import type { ChannelsOptions } from '../channels/options.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'

type ChannelSettings = Pick<
  ChannelSetOptions,
  'bounds' | 'cursorNames' | 'cursorStarts' | 'rulesFor' | 'minCommitIntervalMs' | 'deadLetters'
>

export function channelSettings(config: ConnectorConfig): ChannelSettings {
  const { parameters, storage, destinations, channels, deadLetters } = config
  const cursorStarts: Record<string, CursorStart> = {}
  for (const { name, delivery } of destinations) {
    if (delivery.from !== undefined) cursorStarts[name] = startOf(delivery.from)
  }
  return {
    bounds: {
      maxBacklogMessages: parameters.queueSizePerChannel ?? Number.POSITIVE_INFINITY,
      dropBehavior: parameters.queueDropBehavior,
      maxActiveChannels: parameters.maxActiveChannels,
      maxChannels: storage.maxChannels,
    },
    cursorNames: destinations.map(({ name }) => name),
    cursorStarts,
    rulesFor: (channel) => rulesOf(channels, channel),
    minCommitIntervalMs: storage.minCommitInterval,
    ...(deadLetters === undefined ? {} : { deadLetters }),
  }
}

/** A channel's own rules override those of `*`, setting by setting. */
export function rulesOf(channels: ChannelsOptions, channel: string): ChannelRules {
  const own = Object.hasOwn(channels, channel) ? channels[channel] : undefined
  const { maxAge, deduplication } = { ...channels['*'], ...own }
  return {
    maxAgeMs: maxAge,
    deduplication:
      deduplication === undefined
        ? undefined
        : { windowMs: deduplication.window, maxIds: deduplication.maxIds },
  }
}

function startOf(from: string): CursorStart {
  return from === 'now' || from === 'earliest' ? from : { time: Date.parse(from) }
}
