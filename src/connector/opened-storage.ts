/** The store, its channels, and the watch over the room that is left. */
import { ChannelSet, type ChannelSetOptions } from '../channels/channel-set.ts'
import { accessAdvice } from '../channels/disk/files/directory-access.ts'
import type { OutageLeft, StoreLedger } from '../channels/ledger/ledger.ts'
import { MemoryBudget } from '../channels/log/memory-budget.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import { OutageWatch } from '../operator/outage-watch.ts'
import { channelSettings, rulesOf } from './channel-settings.ts'
import { makeStore, type PartContext } from './parts.ts'
import { storeLedger, storeRoom } from './store-ledger.ts'

export interface OpenedStorage {
  readonly channels: ChannelSet
  readonly storeLedger: () => StoreLedger
  /** What counts for `MemorySize`. */
  readonly memory: Pick<MemoryBudget, 'held' | 'maxBytes'>
  /** Empty without destinations: then no message waits. */
  readonly outage: () => readonly OutageLeft[]
  /** @param maxMs how long it may take for what makes the next start quick */
  readonly close: (maxMs: number) => Promise<void>
}

/** @throws {ConnectorError} DirectoryLocked, StorageFailed */
export async function openStorage(
  config: ConnectorConfig,
  context: PartContext,
  onDropped: ChannelSetOptions['onDropped'],
): Promise<OpenedStorage> {
  const { parameters, destinations } = config
  const budget = new MemoryBudget(parameters.memoryBytes)
  const store = await makeStore(config, budget, context)
  const settings = channelSettings(config)
  const channels = new ChannelSet({ ...context, ...settings, store, budget, onDropped })
  await channels.open()
  const { durability, directory } = config.storage
  const advice = durability === 'disk' ? await accessAdvice(directory) : undefined
  if (advice !== undefined) context.observer.settingsInsecure('storage', advice)
  const watch = new OutageWatch({
    ...context,
    channels,
    maxBacklogMessages: settings.bounds.maxBacklogMessages,
    rulesFor: (channel) => rulesOf(config.channels, channel),
    takenBytes: () => store.figures?.bytesWritten ?? channels.storageFigures.committed.bytes,
    room: () => storeRoom(store, budget),
  })
  watch.start()
  return {
    channels,
    memory: budget,
    storeLedger: () => storeLedger(channels, store),
    outage: () => (destinations.length === 0 ? [] : watch.forecast()),
    close: (maxMs) => {
      watch.stop()
      return channels.close(maxMs)
    },
  }
}
