/**
 * Creates the parts that a configuration needs. Other parts are not loaded: a connector that only
 * stores messages does not spend memory on AWS's credential chain.
 */

import { join } from 'node:path'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { LogStore } from '../channels/log/channel-log.ts'
import type { MemoryBudget } from '../channels/log/memory-budget.ts'
import type { Clock } from '../clock.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import type { LogNotes } from '../delivery/batches/log-notes.ts'
import { ConnectorError } from '../errors.ts'
import type { PipelineObserver } from '../observer.ts'
import { PREDEFINED_FILTERS } from '../routing/input-topics.ts'
import type { BatchPutMessage } from '../sources/batch-put-message/batch-put-message.ts'
import type { OriginPositions } from '../sources/batch-put-message/origin-positions.ts'
import type { Nucleus } from '../sources/greengrass/nucleus.ts'
import type { SessionStore } from '../sources/mqtt-server/sessions/store/session-store.ts'
import type { Source } from '../sources/source.ts'
import { STATUS_TOPIC } from '../topics.ts'
import { VERSION } from '../version.ts'

/** The log of the MQTT server's sessions, and the room that other logs leave to it. */
const SESSIONS_LOG = '__sessions'
const ORIGINS_LOG = '__origins'
const SESSION_BYTES = 64 * 1024 * 1024
const SESSION_SHARE = 1 / 16

/** What the connector gives to every part. */
export interface PartContext {
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

export async function makeStore(
  config: ConnectorConfig,
  budget: MemoryBudget,
  { observer, clock }: PartContext,
): Promise<LogStore> {
  const keepsHistory = config.destinations.length === 0
  if (config.storage.durability === 'memory') {
    const { MemoryLogStore } = await import('../channels/log/memory-log-store.ts')
    return new MemoryLogStore({ budget, keepsHistory })
  }
  const { DiskLogStore } = await import('../channels/disk/disk-log-store.ts')
  const { directory, maxBytes, segmentBytes, segmentMaxAge, historyBytes } = config.storage
  return new DiskLogStore({
    directory,
    maxBytes,
    segmentBytes,
    segmentMaxAgeMs: segmentMaxAge,
    historyBytes,
    budget,
    observer,
    clock,
  })
}

export async function makeSources(
  config: ConnectorConfig,
  channels: ChannelSet,
  { observer, clock, random, nucleus }: PartContext & { readonly nucleus: Nucleus | undefined },
): Promise<Source[]> {
  const { mqttServer, mqttClient, greengrass } = config.sources
  const sources: Source[] = []
  if (mqttServer !== undefined) {
    const { MqttServer } = await import('../sources/mqtt-server/mqtt-server.ts')
    const protectedTopics = [STATUS_TOPIC]
    sources.push(
      new MqttServer({
        options: mqttServer,
        observer,
        clock,
        protectedTopics,
        version: VERSION,
        store: await makeSessionStore(config, channels, { observer, clock, random }),
      }),
    )
  }
  if (mqttClient !== undefined) {
    const { MqttClientSource } = await import('../sources/mqtt-client/mqtt-client-source.ts')
    const filters = [...PREDEFINED_FILTERS, ...config.inputs]
    sources.push(new MqttClientSource({ options: mqttClient, filters, observer, clock, random }))
  }
  if (greengrass !== undefined) {
    const { GreengrassSource } = await import('../sources/greengrass/greengrass-source.ts')
    if (nucleus === undefined) {
      const text =
        'sources.greengrass works only with the command run, started by a Greengrass nucleus'
      throw new ConnectorError('InvalidConfiguration', text)
    }
    sources.push(
      new GreengrassSource({
        options: greengrass,
        filters: [...PREDEFINED_FILTERS, ...config.inputs],
        bus: nucleus.bus,
        observer,
        clock,
      }),
    )
  }
  return sources
}

/** Undefined if logs live as long as the process, and if nothing is sent. */
export async function openLogNotes({
  destinations,
  storage,
}: ConnectorConfig): Promise<LogNotes | undefined> {
  if (destinations.length === 0 || storage.durability === 'memory') return undefined
  const { LogNotesFile } = await import('./log-notes-file.ts')
  return LogNotesFile.open(storage.directory)
}

/** What other connectors have sent, and how far they have got; undefined if nobody may send. */
export async function openOrigins(
  { sources, storage }: ConnectorConfig,
  channels: ChannelSet,
  { observer }: PartContext,
): Promise<OriginPositions | undefined> {
  if (sources.batchPutMessage === undefined) return undefined
  const { OriginPositions } = await import('../sources/batch-put-message/origin-positions.ts')
  const reservedBytes = Math.min(SESSION_BYTES, storage.maxBytes * SESSION_SHARE)
  const isKept = storage.durability === 'disk'
  const positions = new OriginPositions({
    log: isKept ? await channels.sourceLog(ORIGINS_LOG, reservedBytes) : undefined,
    onDamage: (what) => {
      observer.storageFailed(ORIGINS_LOG, new ConnectorError('DataDamaged', what))
    },
  })
  await positions.open()
  return positions
}

export async function makeBatchPutMessage(
  { sources }: ConnectorConfig,
  positions: OriginPositions | undefined,
  { observer, clock, connectorId }: PartContext & { readonly connectorId: string },
): Promise<BatchPutMessage | undefined> {
  const { batchPutMessage: options } = sources
  if (options === undefined || positions === undefined) return undefined
  const { BatchPutMessage } = await import('../sources/batch-put-message/batch-put-message.ts')
  return new BatchPutMessage({ options, connectorId, positions, observer, clock })
}

/** Sessions are stored in the same place as messages. */
async function makeSessionStore(
  { storage }: ConnectorConfig,
  channels: ChannelSet,
  { observer, clock }: PartContext,
): Promise<SessionStore | undefined> {
  if (storage.durability === 'memory') return undefined
  const { SessionLog } = await import('../sources/mqtt-server/sessions/store/session-log.ts')
  const reservedBytes = Math.min(SESSION_BYTES, storage.maxBytes * SESSION_SHARE)
  return new SessionLog({
    log: await channels.sourceLog(SESSIONS_LOG, reservedBytes),
    oldDirectory: join(storage.directory, 'sessions'),
    observer,
    clock,
  })
}
